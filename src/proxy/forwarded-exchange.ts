import type { Exchange } from './contract.ts';
import type { OutgoingRequest } from './write-request-head.ts';

/** An exchange as `Forwarding` sees it: the view of the role, the request to be written, and where bugs are reported. */
export interface ForwardedExchange extends Exchange, OutgoingRequest {
  /** Reports a bug that the exchange survives. */
  fault(error: unknown): void;
  /** Reports a bug and ends the exchange: with 500, or cut off if the response has begun. */
  crashed(error: unknown): void;
}
