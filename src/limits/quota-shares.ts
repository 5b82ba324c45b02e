import type { LimitState } from './limit-parts.ts';
import { type LimitAsk, type LimitGrant, micro, type QuotaPeriod, type QuotaRule } from './limit-store.ts';

/** Microseconds after the start of a period in which nothing is taken back: it could be of the period before. */
const graceMicros = 5_000_000;
/** Share of what is left that one gateway may hold in advance, and seconds for which that should last. */
const mostInAdvance = 1 / 20;
const secondsInAdvance = 5;

const dayMicros = 86_400_000_000;

/** Start and end of the calendar period, in UTC, that has this time: microseconds since 1970. Weeks begin on Monday (ISO 8601). */
export function periodOf(period: QuotaPeriod, now: number): { readonly start: number; readonly end: number } {
  if (period === 'month') {
    const date = new Date(Math.floor(now / 1000));
    const start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) * 1000;
    return { start, end: Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) * 1000 };
  }
  const length = { hour: dayMicros / 24, day: dayMicros, week: 7 * dayMicros }[period];
  // 1970-01-01 was a Thursday.
  const shift = period === 'week' ? 3 * dayMicros : 0;
  const start = Math.floor((now + shift) / length) * length - shift;
  return { start, end: start + length };
}

/** Answers one ask on a quota. A grant is a debit, so that all gateways together never let more through in a period than its limit. */
export function answerQuota(
  known: LimitState | undefined,
  { rule, ask, now }: { rule: QuotaRule; ask: LimitAsk; now: number },
): { state: LimitState; grant: LimitGrant } {
  const { start, end } = periodOf(rule.period, now);
  // A limit that was raised or lowered in the period: what was used stays used. The state's only part keeps the limit that the level belongs to.
  const current = known?.at === start ? known : undefined;
  const before = current === undefined ? rule.limit : current.level + rule.limit - (current.parts[0]?.cap ?? rule.limit);
  const back = now - start > graceMicros ? ask.back : 0;
  const level = Math.min(before + back, rule.limit);
  const most = Math.max(0, level);
  const inAdvance = Math.min(ask.demand * secondsInAdvance, most * mostInAdvance);
  const advance = ask.exact ? 0 : inAdvance - (inAdvance % micro);
  const needed = Math.min(ask.need, most - (most % ask.unit));
  const tokens = Math.max(needed, Math.min(most, advance));
  const left = level - tokens;
  const limit = { gateway: '', rate: 0, cap: rule.limit, until: end, demand: 0 };
  return {
    state: { at: start, level: left, parts: [limit] },
    grant: {
      tokens,
      rate: 0,
      cap: ask.keep + tokens,
      term: end - now,
      left: Math.max(0, left),
      scarce: left < ask.need,
      ends: end - now,
      gateways: 1,
      wanted: 0,
      home: '',
      at: now,
      spare: 0,
    },
  };
}
