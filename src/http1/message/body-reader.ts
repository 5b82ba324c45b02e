import { ChunkedDecoder, type ChunkSink } from './chunked.ts';
import type { FieldLines } from './field-lines.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import type { WireFault } from './wire-fault.ts';

/** Reads one message's body, however it is framed (RFC 9112 section 6). */
export class BodyReader {
  /** The body has ended; never true of one that lasts until the connection closes. */
  complete = false;
  /** Why the body is invalid, which is final. */
  fault: WireFault | undefined;
  /** Octets still to come; infinite if the framing does not say. */
  remaining: number;
  /** The body lasts until the connection closes. */
  readonly untilClose: boolean;
  readonly #chunks: ChunkedDecoder | undefined;

  private constructor(remaining: number, chunked: boolean, untilClose: boolean) {
    this.remaining = remaining;
    this.complete = remaining === 0;
    this.untilClose = untilClose;
    this.#chunks = chunked ? new ChunkedDecoder() : undefined;
  }

  static ofRequest(head: RequestHead): BodyReader {
    return new BodyReader(head.chunked ? Number.POSITIVE_INFINITY : Math.max(0, head.contentLength), head.chunked, false);
  }

  /** @param method of the request that is answered: a response to HEAD has no body */
  static ofResponse(head: ResponseHead, method: string): BodyReader {
    const framing = head.framingOf(method);
    if (framing === 'none') return new BodyReader(0, false, false);
    if (framing === 'length') return new BodyReader(head.contentLength, false, false);
    return new BodyReader(Number.POSITIVE_INFINITY, framing === 'chunked', framing === 'until-close');
  }

  /** The trailer fields that came after a chunked body, if any; those that may not be trailers are struck. */
  get trailers(): FieldLines | undefined {
    return this.#chunks?.trailers;
  }

  /** Hands what belongs to the body over to `sink`, and answers the position after it. */
  read(buffer: Buffer, start: number, end: number, sink: ChunkSink): number {
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
