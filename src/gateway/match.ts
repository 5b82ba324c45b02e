import type { Route } from '../proxy/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { PolicyChain } from './policy-chain.ts';

/** Policies, route and counter for the requests of one resource. */
export interface CompiledResource {
  readonly route: Route;
  readonly policies: PolicyChain;
  readonly counter: ExchangeCounter;
}

/** The resource that a request matched. Kept in the exchange's `context`, so that the exchange ends on the revision on which it began. */
export interface Match {
  readonly resource: CompiledResource;
  /** Text to append to the target's own path: the rest of the request's path (may be empty) and the query. */
  readonly tail: string;
}
