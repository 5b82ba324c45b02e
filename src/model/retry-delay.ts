import type { Random } from './clock.ts';

const slowestMs = 2000;

/** Milliseconds before the n-th attempt (from 0) to reach a peer again: grows up to 2 s, spread at random so that a thousand peers don't reconnect at once. */
export function retryDelay(attempt: number, random: Random): number {
  return 20 + Math.min(slowestMs, 250 * 2 ** Math.min(attempt, 10)) * random();
}
