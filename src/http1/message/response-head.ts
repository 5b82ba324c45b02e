import { MessageHead } from './message-head.ts';

/** The way a response's body ends. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close';

/** A checked response head. `parseResponseHead` fills it in; its contents are valid only after that returned more than 0. */
export class ResponseHead extends MessageHead {
  /** Status code, 100 to 599. */
  status = 200;
  /** Start of the reason phrase, counted from `fields.base`. It is often empty. */
  reasonStart = 0;
  reasonEnd = 0;
  /** Seconds that the server keeps the connection while it is idle, from `Keep-Alive: timeout=N`; -1 if it does not say. */
  idleSeconds = -1;

  /** Returns the way the body ends in response to a request with `method` (RFC 9112 section 6.3). */
  framingOf(method: string): BodyFraming {
    if (this.status < 200 || this.status === 204 || this.status === 304 || method === 'HEAD') return 'none';
    if (this.chunked) return 'chunked';
    return this.contentLength >= 0 ? 'length' : 'until-close';
  }
}
