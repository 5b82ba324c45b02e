import type { Duplex } from 'node:stream';

/** A request's body, as roles and policies may limit, read and replace it before they decide. Without any of these it streams to the upstream. */
export interface RequestBody {
  /** Refuses a body of more than so many octets, while it streams too: 413 `body-too-large`. The lowest of several limits holds. */
  limitBody(most: number): void;
  /**
   * Reads the whole body, up to `most` octets, before the request goes on. A client that waits for 100 (Continue) gets it here. The body is then held,
   * and sent to the upstream, to several if the request is retried. A larger one is refused with 413 `body-too-large`: by its Content-Length at
   * once, else as soon as it exceeds.
   * @returns the body, at once if it is here already, as the empty one of a request without body is; undefined: the exchange has ended
   */
  collectBody(most: number): Buffer | undefined | Promise<Buffer | undefined>;
  /** Sends this body to the upstream instead of the collected one, with its length. The caller must not change it afterwards. */
  replaceBody(body: Buffer): void;
}

/**
 * A response's body, as roles and policies may have it observed and changed. Each method is callable only while the response can be read. Several
 * of them act in the order of their calls, so that an observer sees what the transforms before it have made.
 */
export interface ResponseBody {
  /** Shows the body to `observer`, piece by piece. */
  observeResponse(observer: BodyObserver): void;
  /**
   * Sends the body through a stream, with backpressure to both sides. Content-Length and digests of the content are removed, and Accept-Ranges;
   * the trailer section stays. If the upstream sends without a length, the stream is flushed whenever there is nothing more to read.
   * @param make makes the stream; not called for a response without a body
   * @returns false if the response has no body, and stays as it is
   */
  transformResponse(make: () => BodyStream): boolean;
  /**
   * Holds the response, its head too, until its body is complete, and sends what `change` makes of it, with its length. A body of more than `most`
   * octets is answered with 502 `response-too-large`.
   * @returns false if the response has no body, and stays as it is
   */
  replaceResponse(most: number, change: (body: Buffer) => Buffer): boolean;
}

/** A stream that changes a body. */
export interface BodyStream extends Duplex {
  /** Puts out what it still keeps of the octets that were written. */
  flush?(): void;
}

/** Sees the body of one response. */
export interface BodyObserver {
  /** Octets [start, end) of `buffer` are the next part of the body. The buffer is reused after the call: copy what must outlive it. */
  data(buffer: Buffer, start: number, end: number): void;
  /** Called once, last. @param complete false: the body was broken off, or another answer was sent */
  ended(complete: boolean): void;
}
