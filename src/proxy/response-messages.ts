import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';

/**
 * Takes the response of an exchange whose client does not read HTTP/1.1 text. The `ResponseWriter` of an exchange calls it if the exchange's client
 * has one: `interim` any number of times, then `head`, pieces of the body, `end`, and last `ExchangeClient.finish`; or `ExchangeClient.destroy` at
 * any time, if there will be no complete response. When the exchange has been ended by a call, the calls that follow have no effect.
 */
export interface ResponseMessages {
  /** An interim response (1xx). Valid only during the call. */
  interim(head: ResponseHead): void;
  /**
   * The final head. `head` and `edits` are valid only during the call. Framing and connection are not part of it: the body is what `data` brings.
   * `Date`, if the head has none, and X-Served-By are left to the receiver.
   *
   * @param own complete lines to add: who is to blame for a 5xx status, and the consumer, for the balancer in front
   */
  head(head: ResponseHead, edits: EditedFields | undefined, own: string): void;
  /** Octets [start, end) of the body; they are valid only during the call. */
  data(buffer: Buffer, start: number, end: number): void;
  /** The response is complete. @param trailers trailer fields as complete lines; '' if the client takes none */
  end(trailers: string): void;
  /** Everything of one read has been passed on: what was gathered should be sent if it is much. */
  turnEnd(): void;
  /** Other than `no`: no more should come until `RequestSink.clientDrained`, which follows in this turn of the event loop if `briefly`. */
  readonly full: 'no' | 'briefly' | 'yes';
  /** The server switches protocols. `ExchangeClient.release` is called next. Never called if the request offered none. */
  switched(head: ResponseHead, edits: EditedFields | undefined): void;
}
