import { type BodySink, ChunkedDecoder } from './chunked-decoder.ts';
import type { FieldLines } from './field-lines.ts';
import type { NameRule } from './name-rule.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { WireFault } from './wire-fault.ts';

/** Limit in octets for what is left of an unwanted body: up to this, it is read to its end, so that the connection can be kept. */
const maxDrainBytes = 64 * 1024;

/** Reads one message's body, however it is framed (RFC 9112 section 6). */
export class BodyReader {
  /** True once the body has ended. Stays false for a body that lasts until the connection closes. */
  complete = false;
  /** The reason why the body is invalid, if it is. A fault is final. */
  fault: WireFault | undefined;
  /** Octets still to come; infinite if the framing does not tell. */
  remaining: number;
  /** True if the body lasts until the connection closes. */
  readonly untilClose: boolean;
  readonly #chunks: ChunkedDecoder | undefined;

  private constructor(remaining: number, chunked: boolean, untilClose: boolean, names?: NameRule) {
    this.remaining = remaining;
    this.complete = remaining === 0;
    this.untilClose = untilClose;
    this.#chunks = chunked ? new ChunkedDecoder(names) : undefined;
  }

  static ofRequest(head: RequestHead): BodyReader {
    return new BodyReader(head.chunked ? Number.POSITIVE_INFINITY : Math.max(0, head.contentLength), head.chunked, false, head.names);
  }

  /** @param method of the request: a response to HEAD has no body */
  static ofResponse(head: ResponseHead, method: string): BodyReader {
    const framing = head.framingOf(method);
    if (framing === 'none') return new BodyReader(0, false, false);
    if (framing === 'length') return new BodyReader(head.contentLength, false, false);
    return new BodyReader(Number.POSITIVE_INFINITY, framing === 'chunked', framing === 'until-close');
  }

  /** So little is left that it is worth reading, just to keep the connection. */
  get nearEnd(): boolean {
    return this.remaining <= maxDrainBytes;
  }

  /** Trailer fields after a chunked body, if any. Fields that must not be trailers are struck. */
  get trailers(): FieldLines | undefined {
    return this.#chunks?.trailers;
  }

  /** Passes the octets of [start, end) that belong to the body to `sink`; returns the position after them. */
  read(buffer: Buffer, start: number, end: number, sink: BodySink): number {
    if (this.#chunks) {
      const consumed = this.#chunks.decode(buffer, start, end, sink);
      this.fault = this.#chunks.fault;
      this.complete = this.#chunks.done;
      return consumed < 0 ? end : start + consumed;
    }
    if (start === end || this.complete) return start;
    const stop = Math.min(end, start + this.remaining);
    this.remaining -= stop - start;
    this.complete = this.remaining === 0;
    sink.data(buffer, start, stop);
    return stop;
  }
}
