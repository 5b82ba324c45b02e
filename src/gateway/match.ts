import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { PolicyChain } from './policy-chain.ts';
import type { TargetRoute } from './target-route.ts';

/** What is done with the requests of one resource. */
export interface CompiledResource {
  readonly route: TargetRoute;
  readonly policies: PolicyChain;
  /** Where its exchanges are counted. */
  readonly counter: ExchangeCounter;
}

/** Which resource a request is for. It travels with the exchange, which so ends on the revision that it began with. */
export interface Match {
  readonly resource: CompiledResource;
  /** What follows the target's own path: the rest of the path (or nothing) and the query. */
  readonly tail: string;
}
