import { targetRetries } from '../model/route-tuning.ts';
import type { PolicyType } from './contract.ts';

const settings = targetRetries.refine(
  ({ attempts, statuses, methods }) => (attempts ?? statuses ?? methods) !== undefined,
  'needs at least one of attempts, statuses, methods',
);

/** Decides when a request is sent to its target again. It holds in the place of what target and resource say. */
export const retry: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  *create(retries) {
    yield;
    return { tuning: { retries }, run: () => undefined };
  },
};
