import { readBuffers, readSize } from './read-buffers.ts';
import type { Wire } from './wire-socket.ts';

/** Room for what is read at a time, its chunk frame and a head. */
const capacity = readSize + 4 * 1024;

/** With so many octets waiting, they leave before the turn ends: small enough for the processor's nearest caches. */
const plenty = 32 * 1024;

/** Up to so many octets, a loop is faster than the call of a copy. */
const shortCopy = 160;

/** What `Buffer.write` ends in, without its way there, which takes as long again as writing a few fields. */
const { latin1Write } = Buffer.prototype as unknown as { latin1Write(this: Buffer, text: string, offset: number): number };

/**
 * Where what is to be sent is put together: a head and the first piece of its body leave in one write, and the messages
 * of one turn of the event loop, to however many peers, leave together at its end. A peer that sleeps is then woken by the first
 * of them and at work for the rest, where one write at a time would have to wake it each time.
 * One for the whole process. Its memory is used again unless the kernel could not take all of it at once; then the socket
 * keeps it and the outbox takes new memory.
 */
export class Outbox {
  #memory = Buffer.allocUnsafeSlow(capacity);
  #length = 0;
  /** The message being put together: for whom, and where it begins. */
  #wire: Wire | undefined;
  #start = 0;
  /** Those put together before it: for whom, and where each ends. */
  readonly #wires: (Wire | undefined)[] = [];
  readonly #ends: number[] = [];
  #posted = 0;
  #collecting = false;
  readonly #collect = () => {
    this.#collecting = false;
    this.flush();
  };

  /** Begins, or goes on with, what is sent to `wire`. */
  to(wire: Wire): this {
    if (this.#wire !== wire) {
      this.#seal();
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
    if (end - start >= readSize && readBuffers.mayKeep(from)) {
      this.#past(from.subarray(start, end));
      return;
    }
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

  /** Drops what is being put together for `wire`. */
  discard(wire: Wire): void {
    if (this.#wire !== wire) return;
    this.#wire = undefined;
    this.#length = this.#start;
  }

  /** What has been put together is complete for now: it leaves when this turn of the event loop ends, or before. */
  post(): void {
    this.#seal();
    if (this.#length >= plenty) this.flush();
    if (this.#posted === 0 || this.#collecting) return;
    this.#collecting = true;
    setImmediate(this.#collect);
  }

  /** Writes everything now, for whoever is about to look at a socket, close it or give it away. */
  flush(): void {
    this.#seal();
    const posted = this.#posted;
    if (posted === 0) return;
    const memory = this.#memory;
    this.#posted = 0;
    this.#length = 0;
    this.#start = 0;
    let start = 0;
    let kept = false;
    for (let index = 0; index < posted; index++) {
      const wire = this.#wires[index] as Wire;
      const end = this.#ends[index] as number;
      this.#wires[index] = undefined;
      wire.send(memory.subarray(start, end));
      kept ||= wire.writableLength > 0;
      start = end;
    }
    if (kept) this.#memory = Buffer.allocUnsafeSlow(capacity);
  }

  #seal(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    if (wire === undefined || this.#length === this.#start) return;
    this.#wires[this.#posted] = wire;
    this.#ends[this.#posted++] = this.#length;
    this.#start = this.#length;
  }

  /** Sends from where the octets lie. */
  #past(octets: Buffer): void {
    const wire = this.#sendBefore() as Wire;
    wire.send(octets);
    if (wire.writableLength > 0) readBuffers.keep();
  }

  #large(octets: Buffer): void {
    const wire = this.#sendBefore();
    if (octets.length <= capacity) this.octets(octets, 0, octets.length);
    else wire?.send(Buffer.from(octets));
  }

  /** Sends everything so far, and goes on with what is sent to the same wire. */
  #sendBefore(): Wire | undefined {
    const wire = this.#wire;
    this.flush();
    this.#wire = wire;
    return wire;
  }
}

/** The process's outbox. */
export const outbox = new Outbox();
