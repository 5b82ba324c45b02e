import { mostRequests } from '../model/bounds.ts';
import { answerDoubted, isDoubtful, unknownHolder } from './doubted-bucket.ts';
import { type LimitState, type Part, sum } from './limit-parts.ts';
import { type BucketRule, gatewayOf, type LimitAsk, type LimitGrant, micro } from './limit-store.ts';

/** Least part, in tokens a second and in tokens saved: near the limit, and far from it. */
const leastNear = 8 * micro;
const leastFar = 2 * micro;
/** Demand, as a multiple of the limit, from which and up to which it is near the limit. */
const nearFrom = 0.7;
const nearTo = 1.5;
/** Tokens a second below which a limit is not divided at all: a part would be more than the limit can spare. */
export const leastDivided = 20 * micro;
/** Share of the burst that parts leave free, for gateways that have just come. */
const reserve = 0.25;
/** The same while a key has a home: others get few requests. */
const reserveAtHome = 0.05;
/** Requests for which a part should last, and bounds of its term in microseconds. */
const requestsInTerm = 180;
const requestsInTermAtHome = 200;
const leastTerm = 1_000_000;
export const mostTerm = 10_000_000;

/** Tokens a second of a rule. */
export function rateOf({ limit, window }: BucketRule): number {
  return Math.max(1, Math.floor((limit / window) * 1_000_000));
}

/**
 * Answers one ask on a bucket. Invariant: the parts' rates add up to at most the rule's rate, and the free tokens with all that parts may hold to at
 * most its burst. What a part loses is given to another gateway only after the first one can no longer use it. Therefore all gateways together
 * never let more through than `burst + rate × time`, in any window.
 */
export function answerBucket(
  known: LimitState | undefined,
  { gateway, rule, ask, now }: { gateway: string; rule: BucketRule; ask: LimitAsk; now: number },
): { state: LimitState; grant: LimitGrant } {
  const rate = rateOf(rule);
  const { burst } = rule;
  const { level: before, parts, at } = advance(known ?? { at: now, level: burst, parts: [] }, { rate, burst, now });
  const own = parts.find((part) => part.gateway === gateway);
  const others = parts.filter((part) => part.gateway !== gateway);
  const wanted = sum(others, 'demand') + ask.demand;
  const gateways = others.filter((part) => part.gateway !== unknownHolder).length + 1;
  const home = homeAmong(others, { gateway, ask });
  const common = { scarce: wanted > rate, ends: 0, gateways, wanted: Math.min(wanted, mostRequests * micro), home, at, spare: 0 };
  if (isDoubtful(ask, known, own)) {
    const { state, part } = answerDoubted({ at, level: before, parts }, { known, gateway, ask, rate, burst });
    return { state, grant: { ...common, ...part, tokens: 0, left: 0, scarce: true } };
  }
  const freeRate = Math.max(0, rate - sum(others, 'rate'));
  const freeCap = Math.max(0, burst - sum(others, 'cap'));
  // A part that has ended was counted as used up: what a gateway returns or keeps of it later does not count.
  const keep = own === undefined ? 0 : Math.min(ask.keep, own.cap);
  const back = own === undefined ? 0 : Math.min(ask.back, own.cap - keep);
  const level = Math.max(0, Math.min(before + back, freeCap - keep));
  const whole = !ask.exact && rate >= leastDivided;
  const share = whole ? shareOf(ask, { free: freeCap / burst, rate, wanted, gateways }) : 0;
  const partRate = Math.min(freeRate, Math.floor(share * rate));
  const room = Math.floor(Math.max(freeCap - burst * (ask.home ? reserveAtHome : reserve), freeCap / 2));
  const partCap = Math.max(keep, Math.min(room, Math.floor(share * burst)));
  const least = leastPart(wanted / rate);
  if (share * rate < least || partCap < least) {
    const tokens = Math.min(ask.need, level - (level % ask.unit));
    // A part of nothing: the gateway's demand counts, so that the others leave its share free.
    const without = others.filter((part) => part.rate === 0 && part.gateway !== unknownHolder).length + 1;
    const spare = Math.floor(freeRate / (ask.exact ? gateways : without));
    const empty: Part[] = ask.exact ? [] : [{ gateway, rate: 0, cap: 0, until: at + leastTerm, demand: ask.demand }];
    return {
      state: { at, level: level - tokens, parts: [...others, ...empty] },
      grant: { tokens, rate: 0, cap: 0, term: 0, left: level - tokens, ...common, spare },
    };
  }
  // The part is as full as what is left; requests that wait come first.
  const even = Math.floor(((level + keep) * partCap) / freeCap) - keep;
  const tokens = Math.max(0, Math.min(level, partCap - keep, Math.max(ask.need, even)));
  const left = Math.min(level - tokens, freeCap - partCap);
  const term = termOf(ask, partRate >= 0.9 * share * rate);
  return {
    state: { at, level: left, parts: [...others, { gateway, rate: partRate, cap: partCap, until: at + term, demand: ask.demand }] },
    grant: { tokens, rate: partRate, cap: partCap, term, left, ...common },
  };
}

/** The gateway with the greatest demand: the key's requests are fewest to move if they go there. Empty: none has told its demand. */
function homeAmong(others: readonly Part[], { gateway, ask }: { gateway: string; ask: LimitAsk }): string {
  let home = ask.exact || ask.demand === 0 ? undefined : { gateway, demand: ask.demand };
  for (const part of others) if (part.demand > (home?.demand ?? 0)) home = part;
  return home === undefined ? '' : gatewayOf(home.gateway);
}

/** The bucket at the time `now`: parts that ended meanwhile leave their rate and their room, but not their tokens, which count as used. */
function advance(state: LimitState, { rate, burst, now }: { rate: number; burst: number; now: number }): LimitState {
  let { at, level } = state;
  const parts = [...state.parts].sort((one, other) => one.until - other.until);
  for (;;) {
    const [next] = parts;
    const until = Math.max(at, next === undefined ? now : Math.min(next.until, now));
    const gained = Math.floor(((rate - sum(parts, 'rate')) * (until - at)) / 1_000_000);
    level = Math.max(0, Math.min(level + gained, burst - sum(parts, 'cap')));
    at = until;
    if (next === undefined || next.until > now) return { at, level, parts };
    parts.shift();
  }
}

/**
 * The share of a gateway: by demand, all together at most everything. A gateway that has just come gets half of what is free. Below the limit some is left
 * for gateways to come, but not by a home: it has all that others do not ask for, and bursts need not wait.
 */
function shareOf(
  { demand, home }: LimitAsk,
  { free, rate, wanted, gateways }: { free: number; rate: number; wanted: number; gateways: number },
): number {
  if (demand === 0) return free / 2;
  return Math.min(1, Math.max(demand / Math.max(wanted, home ? 1 : rate / 1.5), 0.1 / gateways));
}

/**
 * Least part worth giving; below this a gateway asks for each request. Near the limit a small part would often
 * be full in one gateway while another one runs short; far below it nothing runs short, and far above it nothing stays full.
 */
function leastPart(load: number): number {
  return load > nearFrom && load < nearTo ? leastNear : leastFar;
}

/** @param whole the part is as large as the gateway's share: otherwise it asks again soon, when others have given theirs back */
function termOf({ demand, home }: LimitAsk, whole: boolean): number {
  if (demand === 0) return leastTerm;
  if (!whole) return 2 * leastTerm;
  return Math.floor(Math.min(mostTerm, Math.max(leastTerm, ((home ? requestsInTermAtHome : requestsInTerm) * 1_000_000 * micro) / demand)));
}
