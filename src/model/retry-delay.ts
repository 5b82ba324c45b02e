import type { Random } from './clock.ts';

const slowestMs = 2000;

/** Milliseconds to wait before the n-th (from 0) try to reach a peer again: spread over the whole time, so that a thousand don't come at once. */
export function retryDelay(attempt: number, random: Random): number {
  return 20 + Math.min(slowestMs, 250 * 2 ** Math.min(attempt, 10)) * random();
}
