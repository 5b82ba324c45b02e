import { copyScanned, octetsToSend, scannedOctets } from '../message/field-scanner.ts';
import { CR, copyOctets, LF } from '../message/octets.ts';
import { readBuffers, readSize } from './read-buffers.ts';
import type { Wire } from './wire.ts';

/** Room for one read, its chunk framing and a head. */
const capacity = readSize + 4 * 1024;

/** With this many octets waiting, `flushIfPlenty` sends them: few enough to stay in the processor's nearest caches. */
const flushThreshold = 32 * 1024;

/** Messages begin at multiples of this many octets, so that few views of the memory are needed again and again. */
const alignment = 256;
/** Longest message whose view is kept, and the number of views that are kept for each beginning. */
const maxKept = 2048;
const viewsPerStart = 8;
const mostViews = (capacity / alignment) * viewsPerStart;

/** From this many octets on, a copy within one memory is faster than a loop. */
const leastMoved = 40;

const hexDigits = Buffer.from('0123456789abcdef');
/** Most hexadecimal digits of a number of 32 bits. */
const mostHexDigits = 8;

/** The internal method behind `Buffer.write`. Calling it directly saves as much time as writing a few fields takes. */
const { latin1Write } = Buffer.prototype as unknown as { latin1Write(this: Buffer, text: string, offset: number): number };

/**
 * Collects what is to be sent in one turn of the event loop and sends it when the turn ends: a head and the first piece of its body leave
 * in one write, and messages to many peers leave together. The first of them wakes a sleeping peer, which is then at work for the rest,
 * where separate writes would have to wake it each time. Octets written here are sent without a further call.
 *
 * There is one outbox in a process. Its memory is reused unless the kernel could not take all of it at once; then the socket keeps the
 * memory and the outbox allocates new, until the writes of octets of the first memory are over.
 */
export class Outbox {
  /** Used whenever no socket keeps octets of it. */
  readonly #first: Buffer;
  #memory: Buffer;
  #length = 0;
  /** Writes in progress of octets of the first memory. */
  #kept = 0;
  readonly #letGo = () => {
    this.#kept--;
  };
  /** Views of the memory that were sent before: making one costs more than writing a short message. */
  #views = new Array<Buffer | undefined>(mostViews).fill(undefined);
  /** The receiver selected by `to`, and the start of its octets in the memory. */
  #wire: Wire | undefined;
  #start = 0;
  /** The receivers selected before it, with the start and end of each one's octets in the memory. */
  readonly #wires: (Wire | undefined)[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #sealed = 0;
  #scheduled = false;
  readonly #turnEnd = () => {
    this.#scheduled = false;
    this.flush();
    if (this.#kept === 0 && this.#length === 0 && this.#memory !== this.#first) this.#change(this.#first);
  };

  /** @param first memory to begin with, with room for `capacity` octets */
  constructor(first: Buffer = Buffer.allocUnsafeSlow(capacity)) {
    this.#first = first;
    this.#memory = first;
  }

  /** Selects `wire` as the receiver of the octets that follow. */
  to(wire: Wire): this {
    if (this.#wire !== wire) {
      this.#seal();
      this.#wire = wire;
      if (!this.#scheduled) {
        this.#scheduled = true;
        setImmediate(this.#turnEnd);
      }
    }
    return this;
  }

  /** Appends Latin-1 text. */
  text(text: string): void {
    if (text.length > capacity - this.#length) {
      this.#addLarge(Buffer.from(text, 'latin1'));
      return;
    }
    this.#length += latin1Write.call(this.#memory, text, this.#length);
  }

  /** Appends octets [start, end) of `from`. */
  octets(from: Buffer, start: number, end: number): void {
    if (end - start >= flushThreshold && this.#sendUncopied(from, start, end)) return;
    if (end - start > capacity - this.#length) {
      this.#addLarge(from.subarray(start, end));
      return;
    }
    if (from === scannedOctets && this.#memory === octetsToSend && end - start >= leastMoved) copyScanned(start, end, this.#length);
    else copyOctets(from, start, end, this.#memory, this.#length);
    this.#length += end - start;
  }

  /** Appends the end of a line. */
  lineEnd(): void {
    if (capacity - this.#length < 2) {
      this.text('\r\n');
      return;
    }
    this.#memory[this.#length++] = CR;
    this.#memory[this.#length++] = LF;
  }

  /** Appends a number of up to 32 bits in hexadecimal digits. */
  hex(number: number): void {
    if (capacity - this.#length < mostHexDigits) {
      this.text(number.toString(16));
      return;
    }
    let shift = 4 * (mostHexDigits - 1);
    while (shift > 0 && number >>> shift === 0) shift -= 4;
    for (; shift >= 0; shift -= 4) this.#memory[this.#length++] = hexDigits[(number >>> shift) & 15] as number;
  }

  /** Appends one chunk of a chunked body (RFC 9112 section 7.1). */
  chunk(from: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.hex(end - start);
    this.lineEnd();
    this.octets(from, start, end);
    this.lineEnd();
  }

  /**
   * Sends everything now if it is much already. Called after each read, and before `writableNeedDrain` is inspected, because only octets
   * that were sent show that a peer does not keep up.
   */
  flushIfPlenty(): void {
    if (this.#length >= flushThreshold) this.flush();
  }

  /** Sends everything now. Called before a socket is closed or given away. */
  flush(): void {
    this.#seal();
    const sealed = this.#sealed;
    if (sealed === 0) return;
    this.#sealed = 0;
    this.#length = 0;
    this.#start = 0;
    let kept = false;
    for (let index = 0; index < sealed; index++) {
      const wire = this.#wires[index] as Wire;
      this.#wires[index] = undefined;
      const view = this.#view(this.#starts[index] as number, this.#ends[index] as number);
      const isFirst = this.#memory === this.#first;
      if (!wire.send(view, isFirst ? this.#letGo : undefined)) continue;
      kept = true;
      if (isFirst) this.#kept++;
    }
    if (kept) this.#change(Buffer.allocUnsafeSlow(capacity));
  }

  #change(memory: Buffer): void {
    this.#memory = memory;
    this.#views.fill(undefined);
  }

  #view(start: number, end: number): Buffer {
    const length = end - start;
    if (length > maxKept) return this.#memory.subarray(start, end);
    const place = (start / alignment) * viewsPerStart + (length % viewsPerStart);
    const known = this.#views[place];
    if (known !== undefined && known.length === length) return known;
    const view = this.#memory.subarray(start, end);
    this.#views[place] = view;
    return view;
  }

  /** Ends the octets for the selected receiver. */
  #seal(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    if (wire === undefined || this.#length === this.#start) return;
    this.#wires[this.#sealed] = wire;
    this.#starts[this.#sealed] = this.#start;
    this.#ends[this.#sealed++] = this.#length;
    this.#length = (this.#length + alignment - 1) & -alignment;
    this.#start = this.#length;
  }

  /** Sends octets of a read buffer without a copy, if it can be kept or TLS copies them anyway. */
  #sendUncopied(from: Buffer, start: number, end: number): boolean {
    if (end - start >= readSize && readBuffers.mayKeep(from)) {
      const wire = this.#flushBefore() as Wire;
      if (wire.send(from.subarray(start, end))) readBuffers.keep();
      return true;
    }
    const wire = this.#wire as Wire;
    // A head that waits leaves together with the octets.
    if (wire.sendCopied === undefined || this.#length > this.#start) return false;
    this.#flushBefore();
    return wire.sendCopied(from.subarray(start, end));
  }

  /** Adds octets for which there is no room at present. */
  #addLarge(octets: Buffer): void {
    const wire = this.#flushBefore();
    if (octets.length <= capacity) this.octets(octets, 0, octets.length);
    else wire?.send(Buffer.from(octets));
  }

  /** Sends everything so far; the receiver stays selected. */
  #flushBefore(): Wire | undefined {
    const wire = this.#wire;
    this.flush();
    this.#wire = wire;
    return wire;
  }
}

/** The process-wide outbox. */
export const outbox = new Outbox(octetsToSend);
