import type { Logger } from 'pino';
import type { Clock, Timer } from '../model/clock.ts';
import type { LineSink } from './contract.ts';
import { batchOctets, type LogFile } from './log-file.ts';

// Half the price of `write` with an encoding's name.
const { latin1Write } = Buffer.prototype as unknown as { latin1Write(this: Buffer, text: string, offset: number): number };

/** Memory that waiting lines may take, in octets: a second or so of a stalled disk at full speed. */
export const mostWaitingOctets = 8 * 1024 * 1024;
const mostWaiting = mostWaitingOctets / batchOctets;
/** Longest time that a line waits for others to be written with, in milliseconds. */
const flushMs = 200;
/** Until the next try: where something was taken, where there is no room just now, after a failure. */
const retryMs = { flowing: 5, full: 100, failed: 1_000 };
/** A write that takes longer may never end. */
const hungMs = 1_000;
/** Between two complaints at least. */
const complaintMs = 60_000;

/** Whole lines on their way. */
interface Batch {
  readonly bytes: Buffer;
  length: number;
  sent: number;
}

export interface LineOutputTools {
  readonly open: () => Promise<LogFile>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether complaints go the same way as the lines: then they have to wait until there is room again. */
  readonly logGoesThere?: boolean;
}

/**
 * Appends lines to a place that may be slow, full or gone, without anybody waiting for it: lines are collected and written together, one
 * write at a time. When too many wait, new ones are dropped and counted; the log says so once, and again when all is well.
 */
export class LineOutput implements LineSink {
  /** Lines that could not be kept. */
  dropped = 0;
  readonly #tools: LineOutputTools;
  #file: LogFile | undefined;
  #collecting: Batch | undefined;
  /** Full, or due; in order. */
  readonly #waiting: Batch[] = [];
  #spare: Batch | undefined;
  #writing: { readonly file: LogFile; readonly since: number } | undefined;
  /** The last try has got nowhere. */
  #stuck = false;
  #failure: NodeJS.ErrnoException | undefined;
  #flowed = false;
  #pumping = false;
  #timer: Timer | undefined;
  #complained = false;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #emptied: (() => void) | undefined;

  constructor(tools: LineOutputTools) {
    this.#tools = tools;
  }

  /**
   * Opens the place; once more, if it is open: lines from now on go to what is there by then. Rejects as its `open` does; then all stays
   * as it was. Lines may come before.
   */
  async open(): Promise<void> {
    const file = await this.#tools.open();
    // What is being written ends where it began.
    if (this.#writing?.file !== this.#file) this.#file?.close();
    this.#file = file;
    this.#pump();
  }

  /** Takes a line of single-octet characters, at most {@link batchOctets} of them. */
  write(line: string): void {
    let batch = this.#collecting;
    if (batch === undefined || batch.length + line.length > batchOctets) {
      batch = this.#nextBatch();
      if (batch === undefined) {
        this.#drop();
        return;
      }
    }
    batch.length += latin1Write.call(batch.bytes, line, batch.length);
  }

  /** Settles when everything is written, or as much as there is room for now. */
  async flush(): Promise<void> {
    this.#turnIn();
    this.#pump();
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
      this.#tools.clock.after(hungMs, resolve);
    });
  }

  /** The process is about to end: writes what can be written without waiting for it. False: a write hangs and will keep the process from ending. */
  end(): boolean {
    this.#turnIn();
    if (this.#writing !== undefined) return this.#tools.clock.now() - this.#writing.since < hungMs;
    try {
      for (const batch of this.#waiting) this.#file?.writeLast([rest(batch)]);
    } catch {
      // There is nobody left to tell.
    }
    return true;
  }

  #nextBatch(): Batch | undefined {
    if (this.#collecting !== undefined) {
      if (this.#waiting.length >= mostWaiting) return undefined;
      this.#turnIn();
      if (this.#failure === undefined && this.#waiting.length >= (this.#file?.batches ?? mostWaiting)) this.#pump();
    }
    this.#timer ??= this.#tools.clock.after(flushMs, this.#look);
    this.#collecting = this.#spare ?? { bytes: Buffer.allocUnsafeSlow(batchOctets), length: 0, sent: 0 };
    this.#spare = undefined;
    return this.#collecting;
  }

  #turnIn(): void {
    if (this.#collecting !== undefined) this.#waiting.push(this.#collecting);
    this.#collecting = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    this.#flowed = false;
    if (this.#waiting.length < mostWaiting) this.#turnIn();
    if (this.#file === undefined) this.open().catch((error: Error) => this.#fail(error));
    else this.#pump();
    if (this.#waiting.length === 0 && this.#collecting === undefined) return;
    const wait = this.#failure ? retryMs.failed : this.#flowed ? retryMs.flowing : retryMs.full;
    this.#timer ??= this.#tools.clock.after(wait, this.#look);
  };

  #pump(): void {
    // A write that is done at once comes back here from below.
    if (this.#pumping) return;
    this.#pumping = true;
    this.#stuck = false;
    while (this.#file !== undefined && this.#writing === undefined && !this.#stuck && this.#waiting.length > 0) {
      this.#writing = { file: this.#file, since: this.#tools.clock.now() };
      this.#file.write(this.#waiting.slice(0, this.#file.batches).map(rest), this.#wrote);
    }
    this.#pumping = false;
  }

  readonly #wrote = (error: NodeJS.ErrnoException | null, octets: number): void => {
    const { file } = this.#writing as { file: LogFile };
    this.#writing = undefined;
    if (file !== this.#file) file.close();
    this.#remove(octets);
    if (octets > 0) this.#flowed = true;
    if (error === null && octets > 0) this.#failure = undefined;
    else {
      this.#stuck = true;
      if (error !== null && error.code !== 'EAGAIN') this.#fail(error);
    }
    if (this.#waiting.length === 0) this.#recover();
    else if (!this.#stuck) this.#pump();
  };

  #remove(octets: number): void {
    let left = octets;
    let done = 0;
    for (const batch of this.#waiting) {
      const length = Math.min(left, batch.length - batch.sent);
      batch.sent += length;
      left -= length;
      if (batch.sent < batch.length) break;
      done++;
      batch.length = 0;
      batch.sent = 0;
      this.#spare = batch;
    }
    this.#waiting.splice(0, done);
  }

  #drop(): void {
    this.dropped++;
    this.#complain('it does not take them fast enough');
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#failure = error;
    this.#complain(error.message);
  }

  #complain(reason: string): void {
    if (this.#complained) return;
    const now = this.#tools.clock.now();
    if (now - this.#complainedAt < complaintMs) return;
    this.#complained = true;
    this.#complainedAt = now;
    if (this.#tools.logGoesThere) return;
    const words = 'the access log cannot be written; traffic goes on, lines wait as long as there is room for them and are dropped then';
    this.#tools.logger.warn({ reason, dropped: this.dropped }, words);
  }

  #recover(): void {
    this.#emptied?.();
    if (!this.#complained) return;
    this.#complained = false;
    this.#tools.logger.info({ dropped: this.dropped }, 'the access log is written again; so many lines were dropped since the start');
  }
}

function rest({ bytes, length, sent }: Batch): Buffer {
  return bytes.subarray(sent, length);
}
