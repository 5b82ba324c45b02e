import { OutboundHttp } from '../../src/gateway/outbound-http.ts';
import { Limits } from '../../src/limits/limits.ts';
import { Caches } from '../../src/policies/cache/caches.ts';
import { noCallers } from '../../src/policies/callers.ts';
import type { PolicyServices } from '../../src/policies/contract.ts';
import { SharedStates } from '../../src/policies/shared-states.ts';
import { FakeClock } from './fake-clock.ts';
import { silentLogger } from './fake-logger.ts';

/** What a gateway server lends to policies, for tests of logic: a clock that stands still, and no chance. */
export function policyServices(own: Partial<PolicyServices> = {}): PolicyServices {
  const clock = own.clock ?? new FakeClock();
  const parts = { logger: silentLogger, random: () => 0, clock };
  return {
    ...parts,
    shared: new SharedStates(clock),
    outbound: new OutboundHttp(),
    caches: new Caches(),
    lines: { write: () => {} },
    callers: noCallers,
    limits: new Limits({ ...parts, store: undefined, gateway: 'a', environment: () => 'production' }),
    ...own,
    clock,
  };
}
