import type { Logger } from 'pino';
import type { Clock, Timer } from '../model/clock.ts';
import type { LineSink } from './contract.ts';
import { batchOctets, type LogFile } from './log-file.ts';

// Takes half as long as `write` with the name of an encoding.
const { latin1Write } = Buffer.prototype as unknown as { latin1Write(this: Buffer, text: string, offset: number): number };

/** Octets of memory for lines that wait to be written: about a second of traffic at full speed while the disk stalls. */
export const mostWaitingOctets = 8 * 1024 * 1024;
const mostWaiting = mostWaitingOctets / batchOctets;
/** Most empty batches that are kept: as many as are written and collected at a time while the file takes lines. */
const mostSpare = 32;
/** Longest time in milliseconds that a line waits for others, to be written together with them. */
const flushMs = 200;
/** Milliseconds until the next write: while the file takes lines, while it has no room (EAGAIN), after an error. */
const retryMs = { flowing: 5, full: 100, failed: 1_000 };
/** Milliseconds after which a write is taken for hung: it may never end. */
const hungMs = 1_000;
/** Minimum time between two warnings, in milliseconds. */
const warningMs = 60_000;

/** Whole lines that are written together. */
interface Batch {
  readonly bytes: Buffer;
  length: number;
  /** Octets written already. */
  written: number;
}

export interface LineOutputTools {
  readonly open: () => Promise<LogFile>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True if the log is written to the same file: then a warning about that file could not be written either, and is left out. Default false. */
  readonly sharesLog?: boolean;
}

/**
 * Appends lines to a file that may be slow, full or gone, and never makes its caller wait: lines are collected in batches, which are
 * written one write at a time. When too many wait, new ones are dropped and counted; that is logged once, and again when lines are
 * written again.
 */
export class LineOutput implements LineSink {
  /** Lines dropped so far. */
  dropped = 0;
  readonly #tools: LineOutputTools;
  #file: LogFile | undefined;
  #collecting: Batch | undefined;
  /** Batches to be written, oldest first. */
  readonly #waiting: Batch[] = [];
  /** Empty batches, kept to be used again: memory for a new one costs more than a line. */
  readonly #spare: Batch[] = [];
  #writing: { readonly file: LogFile; readonly since: number } | undefined;
  /** The last write wrote nothing. */
  #stuck = false;
  #failure: NodeJS.ErrnoException | undefined;
  /** Something was written since the last tick of the timer. */
  #flowed = false;
  #inLoop = false;
  #timer: Timer | undefined;
  /** The failure has been logged, its end has not. */
  #warned = false;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #flushed: (() => void) | undefined;

  constructor(tools: LineOutputTools) {
    this.#tools = tools;
  }

  /**
   * Opens the file or, if it is open, opens it again: later lines go to the file that has the name now. Rejects with the error of
   * `tools.open`, and then changes nothing. Lines may be written before.
   */
  async open(): Promise<void> {
    const file = await this.#tools.open();
    // A write in progress ends in the old file, which is closed after it.
    if (this.#writing?.file !== this.#file) this.#file?.close();
    this.#file = file;
    this.#writeWaiting();
  }

  /** Appends a line of at most {@link batchOctets} characters, each of one octet. */
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

  /** Resolves when everything is written, or no more can be written at present. */
  async flush(): Promise<void> {
    this.#seal();
    this.#writeWaiting();
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#flushed = resolve;
      this.#tools.clock.after(hungMs, resolve);
    });
  }

  /**
   * Writes, as the process exits, what can be written without waiting. Returns false if a write hangs, which will keep the process from
   * ending.
   */
  end(): boolean {
    this.#seal();
    if (this.#writing !== undefined) return this.#tools.clock.now() - this.#writing.since < hungMs;
    try {
      for (const batch of this.#waiting) this.#file?.writeLast([unwritten(batch)]);
    } catch {
      // The process is ending: the error cannot be reported any more.
    }
    return true;
  }

  #nextBatch(): Batch | undefined {
    if (this.#collecting !== undefined) {
      if (this.#waiting.length >= mostWaiting) return undefined;
      this.#seal();
      if (this.#failure === undefined && this.#waiting.length >= (this.#file?.batches ?? mostWaiting)) this.#writeWaiting();
    }
    this.#timer ??= this.#tools.clock.after(flushMs, this.#tick);
    this.#collecting = this.#spare.pop() ?? { bytes: Buffer.allocUnsafeSlow(batchOctets), length: 0, written: 0 };
    return this.#collecting;
  }

  #seal(): void {
    if (this.#collecting !== undefined) this.#waiting.push(this.#collecting);
    this.#collecting = undefined;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.#flowed = false;
    if (this.#waiting.length < mostWaiting) this.#seal();
    if (this.#file === undefined) this.open().catch((error: Error) => this.#fail(error));
    else this.#writeWaiting();
    if (this.#waiting.length === 0 && this.#collecting === undefined) return;
    const wait = this.#failure ? retryMs.failed : this.#flowed ? retryMs.flowing : retryMs.full;
    this.#timer ??= this.#tools.clock.after(wait, this.#tick);
  };

  #writeWaiting(): void {
    // A write that completes at once calls this again.
    if (this.#inLoop) return;
    this.#inLoop = true;
    this.#stuck = false;
    while (this.#file !== undefined && this.#writing === undefined && !this.#stuck && this.#waiting.length > 0) {
      this.#writing = { file: this.#file, since: this.#tools.clock.now() };
      this.#file.write(this.#waiting.slice(0, this.#file.batches).map(unwritten), this.#wrote);
    }
    this.#inLoop = false;
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
    else if (!this.#stuck) this.#writeWaiting();
  };

  #remove(octets: number): void {
    let left = octets;
    let done = 0;
    for (const batch of this.#waiting) {
      const length = Math.min(left, batch.length - batch.written);
      batch.written += length;
      left -= length;
      if (batch.written < batch.length) break;
      done++;
      batch.length = 0;
      batch.written = 0;
      if (this.#spare.length < mostSpare) this.#spare.push(batch);
    }
    this.#waiting.splice(0, done);
  }

  #drop(): void {
    this.dropped++;
    this.#warn('lines are not taken fast enough');
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#failure = error;
    this.#warn(error.message);
  }

  #warn(reason: string): void {
    if (this.#warned) return;
    const now = this.#tools.clock.now();
    if (now - this.#warnedAt < warningMs) return;
    this.#warned = true;
    this.#warnedAt = now;
    if (this.#tools.sharesLog) return;
    const words = 'the access log cannot be written: lines are kept in memory while there is room, then dropped; traffic is not affected';
    this.#tools.logger.warn({ reason, dropped: this.dropped }, words);
  }

  #recover(): void {
    this.#flushed?.();
    if (!this.#warned) return;
    this.#warned = false;
    this.#tools.logger.info({ dropped: this.dropped }, 'the access log is written again (dropped: lines lost since the start)');
  }
}

function unwritten({ bytes, length, written }: Batch): Buffer {
  return bytes.subarray(written, length);
}
