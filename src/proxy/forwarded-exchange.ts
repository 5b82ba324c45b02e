import type { RequestSink } from '../http1/connection/request-sink.ts';
import type { Exchange } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import type { OutgoingRequest } from './write-request-head.ts';

/** An exchange as `Forwarding` sees it: the view of the role, the request to be written, and where bugs are reported. */
export interface ForwardedExchange extends Exchange, OutgoingRequest {
  /** Greatest number of octets of the request's body; undefined: no limit but that of the route. */
  readonly bodyLimit: number | undefined;
  readonly client: ExchangeClient;
  readonly owner: ExchangeOwner;
  /**
   * The same request as an exchange of another role, which is behind the present one: with the same id, the same head and client certificate, and the
   * edits that were made so far. Edits of one do not change the other.
   */
  passOn(owner: ExchangeOwner, client: ExchangeClient): PassedExchange;
  /** Reports a bug that the exchange survives. */
  fault(error: unknown): void;
  /** Reports a bug and ends the exchange: with 500, or cut off if the response has begun. */
  crashed(error: unknown): void;
}

/** An exchange that another role has passed on: its client's side is that role's. */
export interface PassedExchange extends Exchange, RequestSink {}
