import { readSize, type Wire } from './wire-socket.ts';

/** Room for what is read at a time, its chunk frame and a head. */
const capacity = readSize + 4 * 1024;

/** Up to so many octets, a loop is faster than the call of a copy. */
const shortCopy = 160;

/** What `Buffer.write` ends in, without its way there, which takes as long again as writing a few fields. */
const { latin1Write } = Buffer.prototype as unknown as { latin1Write(this: Buffer, text: string, offset: number): number };

/**
 * Where what is to be sent is put together, so that a head and the first piece of its body leave in one write.
 * One for the whole process: filled and flushed within one turn. Its memory is used again unless the kernel could not
 * take all of it at once; then the socket keeps it and the outbox takes new memory.
 */
export class Outbox {
  #memory = Buffer.allocUnsafeSlow(capacity);
  #length = 0;
  #wire: Wire | undefined;

  /** Begins, or goes on with, what is sent to `wire`; anything pending for another one leaves first. */
  to(wire: Wire): this {
    if (this.#wire !== wire) {
      this.flush();
      this.#wire = wire;
    }
    return this;
  }

  /** Appends Latin-1 text. */
  text(text: string): void {
    if (text.length > capacity - this.#length) {
      this.#large(Buffer.from(text, 'latin1'));
      return;
    }
    this.#length += latin1Write.call(this.#memory, text, this.#length);
  }

  /** Appends octets [start, end) of `from`. */
  octets(from: Buffer, start: number, end: number): void {
    if (end - start > capacity - this.#length) {
      this.#large(from.subarray(start, end));
      return;
    }
    if (end - start > shortCopy) {
      from.copy(this.#memory, this.#length, start, end);
      this.#length += end - start;
      return;
    }
    const memory = this.#memory;
    let length = this.#length;
    for (let at = start; at < end; at++) memory[length++] = from[at] as number;
    this.#length = length;
  }

  /** Appends one chunk of a chunked body (RFC 9112 section 7.1). */
  chunk(from: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.text(`${(end - start).toString(16)}\r\n`);
    this.octets(from, start, end);
    this.text('\r\n');
  }

  /** Writes what is pending. */
  flush(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    this.#wire = undefined;
    if (this.#length === 0) return;
    wire.write(this.#memory.subarray(0, this.#length));
    this.#length = 0;
    if (wire.writableLength > 0) this.#memory = Buffer.allocUnsafeSlow(capacity);
  }

  #large(octets: Buffer): void {
    const wire = this.#wire;
    this.flush();
    this.#wire = wire;
    wire?.write(Buffer.from(octets));
  }
}

/** The process's outbox. */
export const outbox = new Outbox();
