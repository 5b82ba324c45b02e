import { beginExtension, EXTENSION_END, EXTENSION_FAULT, readExtension } from './chunk-extension.ts';
import type { FieldLines } from './field-lines.ts';
import { INCOMPLETE } from './field-parser.ts';
import type { NameRule } from './name-rule.ts';
import { CR, HEX, hexValue, LF, octetClasses } from './octets.ts';
import { TrailerSection } from './trailer-section.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** Receives the data of a body. */
export interface BodySink {
  /** Receives at least one octet: [start, end) of `buffer`, valid only during the call. The calls need not match the chunks. */
  data(buffer: Buffer, start: number, end: number): void;
}

/** Limit of the hexadecimal digits of a chunk size, leading zeros included. */
const maxSizeDigits = 16;
const maxExtensionBytesPerChunk = 1024;
const maxExtensionBytesPerBody = 16 * 1024;
const maxTrailerBytes = 8 * 1024;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const LAST_LF = 7;
const TRAILERS = 8;
const DONE = 9;
const FAILED = 10;

/** Decodes one chunked body (RFC 9112 section 7.1) piece by piece, strictly and without copying its data. */
export class ChunkedDecoder {
  /** The reason why {@link decode} returned -1. */
  fault: WireFault | undefined;
  #state = SIZE;
  #size = 0;
  #digits = 0;
  #extension = 0;
  #extensionBytes = 0;
  #extensionBytesInChunk = 0;
  #trailers: TrailerSection | undefined;
  readonly #names: NameRule | undefined;

  /** @param names treatment of odd names in the trailer section, as in `HeadLimits` */
  constructor(names?: NameRule) {
    this.#names = names;
  }

  /** True once the body and its trailer section have ended. */
  get done(): boolean {
    return this.#state === DONE;
  }

  /** Trailer fields, available when `done`; undefined if there are none. Fields that must not be trailers are struck. */
  get trailers(): FieldLines | undefined {
    return this.#trailers?.fields;
  }

  /** Makes the decoder ready for another body. */
  reset(): void {
    this.fault = undefined;
    this.#state = SIZE;
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailers = undefined;
  }

  /**
   * Decodes the next octets of the body, [start, end) of `buffer`.
   * @returns octets consumed: all, or fewer if the body ended before `end`; -1 if the body is invalid (see `fault`), which is final
   */
  decode(buffer: Buffer, start: number, end: number, sink: BodySink): number {
    let at = start;
    while (at < end) {
      if (this.#state === DATA) {
        const stop = Math.min(end, at + this.#size);
        this.#size -= stop - at;
        if (this.#size === 0) this.#state = DATA_CR;
        const from = at;
        at = stop;
        sink.data(buffer, from, stop);
        continue;
      }
      if (this.#state === DONE) break;
      if (this.#state === TRAILER_START && buffer[at] !== CR) {
        this.#trailers = new TrailerSection(maxTrailerBytes, this.#names);
        this.#state = TRAILERS;
      }
      if (this.#state === TRAILERS) {
        const taken = (this.#trailers as TrailerSection).read(buffer, at, end);
        if (typeof taken === 'object') return this.#fail(taken);
        if (taken === INCOMPLETE) return end - start;
        this.#state = DONE;
        return at + taken - start;
      }
      const fault = this.#step(buffer[at++] as number);
      if (fault !== undefined) return this.#fail(fault);
    }
    return at - start;
  }

  /** Reads one octet of the framing around the data. */
  #step(octet: number): WireFault | undefined {
    switch (this.#state) {
      case SIZE:
        if (((octetClasses[octet] as number) & HEX) !== 0) {
          this.#size = this.#size * 16 + (hexValue[octet] as number);
          return ++this.#digits > maxSizeDigits || this.#size > Number.MAX_SAFE_INTEGER ? wireFaults.badChunkSize : undefined;
        }
        if (this.#digits === 0) return wireFaults.badChunkSize;
        if (octet === CR) this.#state = SIZE_LF;
        else return this.#beginExtension(octet);
        return undefined;
      case EXTENSION:
        return this.#readExtension(octet);
      case SIZE_LF:
        if (octet !== LF) return wireFaults.bareCarriageReturn;
        this.#state = this.#size === 0 ? TRAILER_START : DATA;
        this.#digits = 0;
        return undefined;
      case DATA_CR:
        this.#state = DATA_LF;
        return octet === CR ? undefined : wireFaults.badChunkEnd;
      case DATA_LF:
        this.#state = SIZE;
        return octet === LF ? undefined : wireFaults.badChunkEnd;
      case TRAILER_START:
        this.#state = LAST_LF;
        return undefined;
      case LAST_LF:
        this.#state = DONE;
        return octet === LF ? undefined : wireFaults.bareCarriageReturn;
      default:
        return this.fault ?? wireFaults.badChunkSize;
    }
  }

  #beginExtension(octet: number): WireFault | undefined {
    if (octet === LF) return wireFaults.bareLineFeed;
    this.#extension = beginExtension(octet);
    if (this.#extension === EXTENSION_FAULT) return wireFaults.badChunkSize;
    this.#extensionBytesInChunk = 1;
    this.#extensionBytes++;
    this.#state = EXTENSION;
    return undefined;
  }

  #readExtension(octet: number): WireFault | undefined {
    if (++this.#extensionBytesInChunk > maxExtensionBytesPerChunk || ++this.#extensionBytes > maxExtensionBytesPerBody) {
      return wireFaults.chunkExtensionsTooLong;
    }
    this.#extension = readExtension(this.#extension, octet);
    if (this.#extension === EXTENSION_FAULT) return octet === LF ? wireFaults.bareLineFeed : wireFaults.badChunkExtension;
    if (this.#extension === EXTENSION_END) this.#state = SIZE_LF;
    return undefined;
  }

  #fail(fault: WireFault): number {
    this.fault = fault;
    this.#state = FAILED;
    return -1;
  }
}
