import type { AddressGuard } from '../model/address-guard.ts';
import { Caches } from '../policies/cache/caches.ts';
import { noCallers } from '../policies/callers.ts';
import type { PolicyServices } from '../policies/contract.ts';
import { SharedStates } from '../policies/shared-states.ts';
import { OutboundHttp } from './outbound-http.ts';

/** Services for policies. Without `lines` what they log is dropped, without `callers` there are no consumers. */
export function policyServicesOf(
  given: Pick<PolicyServices, 'logger' | 'clock' | 'random' | 'limits'> & {
    readonly [Name in 'lines' | 'callers' | 'caches']?: PolicyServices[Name] | undefined;
  } & { readonly guard?: AddressGuard | undefined },
): PolicyServices {
  const { logger, clock, random, limits, guard, lines = { write: () => {} }, callers = noCallers, caches = new Caches() } = given;
  return { logger, clock, random, limits, lines, callers, caches, shared: new SharedStates(clock), outbound: new OutboundHttp(guard) };
}
