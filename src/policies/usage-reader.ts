import type { BodyObserver } from '../http1/message/bodies.ts';

/** Octets of a JSON body that are read at most; of a larger one the usage stays unknown. */
const mostJson = 1 << 20;
/** Octets of one line of an event stream that are read at most; longer lines are skipped. */
const mostLine = 256 * 1024;

/** Reads a number from a response: a member of its JSON, or of the last event of an event stream that has it. Keeps one line, or one JSON body. */
export class UsageReader implements BodyObserver {
  readonly #path: readonly string[];
  readonly #events: boolean;
  readonly #done: (used: number | undefined, complete: boolean) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #tooLong = false;
  #used: number | undefined;

  /**
   * @param path names of members, from the outside in
   * @param events the body is an event stream (`text/event-stream`)
   * @param done called at the end with the number, undefined if there was none
   */
  constructor(path: readonly string[], events: boolean, done: (used: number | undefined, complete: boolean) => void) {
    this.#path = path;
    this.#events = events;
    this.#done = done;
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (!this.#events) {
      this.#keep(buffer, start, end, mostJson);
      return;
    }
    let from = start;
    for (let at = buffer.indexOf(lineEnd, from); at !== -1 && at < end; at = buffer.indexOf(lineEnd, from)) {
      this.#keep(buffer, from, at, mostLine);
      this.#readLine();
      from = at + 1;
    }
    this.#keep(buffer, from, end, mostLine);
  }

  ended(complete: boolean): void {
    if (this.#events) this.#readLine();
    else this.#read(this.#take());
    this.#done(this.#used, complete);
  }

  #keep(buffer: Buffer, start: number, end: number, most: number): void {
    this.#length += end - start;
    if (this.#length > most) {
      this.#tooLong = true;
      this.#parts = [];
    } else if (end > start) this.#parts.push(Buffer.from(buffer.subarray(start, end)));
  }

  #take(): string {
    const text = this.#tooLong ? '' : Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#length = 0;
    this.#tooLong = false;
    return text;
  }

  #readLine(): void {
    const line = this.#take();
    if (line.startsWith('data:')) this.#read(line.slice('data:'.length));
  }

  #read(text: string): void {
    const [last = ''] = this.#path.slice(-1);
    // Most events of a stream do not have it, and are not parsed.
    if (!text.includes(last)) return;
    try {
      let value: unknown = JSON.parse(text);
      for (const name of this.#path)
        value =
          typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) this.#used = value;
    } catch {
      // Not JSON: it tells nothing.
    }
  }
}

const lineEnd = 0x0a;
