import { policyTimeouts } from '../model/route-tuning.ts';
import type { PolicyType } from './contract.ts';

/** Limits the time of a request to its target. It holds in the place of what target and resource say. */
export const timeout: PolicyType<typeof policyTimeouts> = {
  settings: policyTimeouts,
  dry: true,
  points: ['proxyRequest'],
  *create(timeouts) {
    yield;
    return { tuning: { timeouts }, run: () => undefined };
  },
};
