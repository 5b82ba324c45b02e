import type { Route } from '../proxy/contract.ts';
import type { ExchangeCounter } from '../proxy/exchange-counter.ts';
import type { Course, GuardedResource, PolicyRun } from './policy-run.ts';

/** Policies, route and counter for the requests of one resource. */
export interface CompiledResource extends GuardedResource {
  readonly route: Route;
  readonly counter: ExchangeCounter;
}

/** The resource that a request matched. Kept in the exchange's `context`, so that the exchange ends on the revision on which it began. */
export interface Match extends Course {
  readonly resource: CompiledResource;
  /** The exchange's way through the policies; undefined while none has run. */
  run: PolicyRun | undefined;
}
