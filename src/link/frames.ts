/**
 * Frames of a link: 8 octets of header, and octets of a stream if it is `data`. The header has the type (1 octet), a value (3 octets) and the
 * stream's number (4 octets), numbers with the most significant octet first. Frames of types that are not listed here are skipped, so that newer
 * programs can send some: those from {@link firstWithOctets} on have as many octets after the header as the value says, the others have none. Types
 * that are printable characters in ASCII are no types, so that text is not taken for frames.
 */
export const frameTypes = {
  /** Octets of a stream; their number is the value. */
  data: 1,
  /** The sender sends nothing more in the stream. */
  end: 2,
  /** The stream is broken off in both directions. */
  reset: 3,
  /** The receiver takes so many more octets of the stream. */
  credit: 4,
  /** Asks the peer for a `pong`. */
  ping: 5,
  pong: 6,
  /** No stream with a higher number than this one was, or will be, read. */
  goAway: 7,
  /** Opens the stream, whose number is higher than any before. */
  open: 8,
} as const;

export const headerOctets = 8;

/** Types from this one on are followed by octets. */
export const firstWithOctets = 128;
/** From this type to the last one without octets, the type is a character of a text. */
export const firstCharacter = 32;

/** Octets of a stream that may be under way in one direction: a slow receiver holds up its own stream only. */
export const windowOctets = 64 * 1024;

/** Why octets are not frames. */
export type FrameFault = string;

/** Receives frames. Returns why one is not allowed; undefined: it is. */
export interface FrameSink {
  /** Octets [start, end) of `buffer` belong to a stream. A frame may come in several pieces. */
  data(stream: number, buffer: Buffer, start: number, end: number): FrameFault | undefined;
  /** A frame of any other type without octets. */
  control(type: number, stream: number, value: number): FrameFault | undefined;
}

/** Writes a header at `at` of `memory`. */
export function writeHeader(memory: Buffer, at: number, type: number, stream: number, value: number): void {
  memory[at] = type;
  memory[at + 1] = value >>> 16;
  memory[at + 2] = value >>> 8;
  memory[at + 3] = value;
  memory[at + 4] = stream >>> 24;
  memory[at + 5] = stream >>> 16;
  memory[at + 6] = stream >>> 8;
  memory[at + 7] = stream;
}

/** Reads frames from octets that arrive in any pieces. Keeps nothing but an incomplete header. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #header = Buffer.alloc(headerOctets);
  /** Octets of an incomplete header that are here. */
  #have = 0;
  /** Stream of the present frame; undefined: the frame is skipped. */
  #stream: number | undefined = 0;
  /** Octets of the present frame that are still to come. */
  #left = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Reads octets [start, end). Returns why they cannot be frames of this link: then nothing more can be read. */
  read(buffer: Buffer, start: number, end: number): FrameFault | undefined {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const stop = Math.min(end, at + this.#left);
        this.#left -= stop - at;
        const fault = this.#stream === undefined ? undefined : this.#sink.data(this.#stream, buffer, at, stop);
        if (fault !== undefined) return fault;
        at = stop;
        continue;
      }
      let fault: FrameFault | undefined;
      if (this.#have === 0 && end - at >= headerOctets) {
        fault = this.#begin(buffer, at);
        at += headerOctets;
      } else {
        const taken = Math.min(headerOctets - this.#have, end - at);
        buffer.copy(this.#header, this.#have, at, at + taken);
        this.#have += taken;
        at += taken;
        if (this.#have < headerOctets) return undefined;
        this.#have = 0;
        fault = this.#begin(this.#header, 0);
      }
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #begin(from: Buffer, at: number): FrameFault | undefined {
    const type = from[at] as number;
    const value = ((from[at + 1] as number) << 16) | ((from[at + 2] as number) << 8) | (from[at + 3] as number);
    const stream =
      (from[at + 4] as number) * 0x1000000 +
      (((from[at + 5] as number) << 16) | ((from[at + 6] as number) << 8) | (from[at + 7] as number));
    if (type >= firstWithOctets) {
      this.#stream = undefined;
      this.#left = value;
      return undefined;
    }
    if (type >= firstCharacter) return 'text that is no frame';
    if (type !== frameTypes.data) return this.#sink.control(type, stream, value);
    if (value === 0 || value > windowOctets) return `a data frame of ${value} octets`;
    this.#stream = stream;
    this.#left = value;
    return undefined;
  }
}
