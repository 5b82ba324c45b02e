import { type LimitState, type Part, sum } from './limit-parts.ts';
import type { LimitAsk, LimitGrant } from './limit-store.ts';

/** Microseconds after which all gateways that live have told the store the parts that they use. */
export const doubtTerm = 3_000_000;

/** Holder of what may be in use by gateways that the store does not know of. */
export const unknownHolder = '';

/**
 * True if gateways may use parts that the store does not know of: it could not be reached, and they go on with parts that have ended; or it has lost its
 * latest data, such as a Redis that fails over or starts again.
 */
export function isDoubtful({ at, doubt, rate }: LimitAsk, known: LimitState | undefined, own: Part | undefined): boolean {
  return doubt || isLost(at, known) || (rate > 0 && own === undefined);
}

/**
 * Answers an ask while it is not known which parts are in use: each gateway keeps the part that it uses, and nothing is given away until all of them have
 * told theirs. What is free meanwhile is a part of nobody.
 */
export function answerDoubted(
  { at, parts }: LimitState,
  about: { known: LimitState | undefined; gateway: string; ask: LimitAsk; rate: number; burst: number },
): { state: LimitState; part: Pick<LimitGrant, 'rate' | 'cap' | 'term'> } {
  const { known, gateway, ask } = about;
  const others = parts.filter((part) => part.gateway !== gateway && part.gateway !== unknownHolder);
  const own = parts.find((part) => part.gateway === gateway);
  const lock = isLost(ask.at, known) ? undefined : parts.find((part) => part.gateway === unknownHolder);
  const freeRate = Math.max(0, about.rate - sum(others, 'rate'));
  const freeCap = Math.max(0, about.burst - sum(others, 'cap'));
  const rate = Math.min(freeRate, Math.max(ask.rate, own?.rate ?? 0));
  const cap = Math.min(freeCap, Math.max(ask.cap, own?.cap ?? 0));
  const held = { gateway, rate, cap, until: at + doubtTerm, demand: ask.demand };
  const rest = { gateway: unknownHolder, rate: freeRate - rate, cap: freeCap - cap, until: lock?.until ?? at + doubtTerm, demand: 0 };
  return {
    state: { at, level: 0, parts: [...others, held, rest] },
    part: { rate, cap, term: rate > 0 ? doubtTerm : 0 },
  };
}

/** The store has forgotten an answer that it gave. */
function isLost(at: number, known: LimitState | undefined): boolean {
  return at > (known?.at ?? 0);
}
