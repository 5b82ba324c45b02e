import type { HeldLimit } from './held-limit.ts';

/** Tokens that a limit has taken for a request, after those of the limits before it. */
export interface TakenTokens {
  readonly limit: HeldLimit;
  readonly amount: number;
  readonly before: TakenTokens | undefined;
}
