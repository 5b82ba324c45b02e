import { type LimitState, sum } from './limit-parts.ts';
import type { LimitAsk, LimitGrant, SlotRule } from './limit-store.ts';

/** Microseconds after which slots of a gateway that does not renew them are free again: it has died, and its requests with it. */
const term = 10_000_000;

/** Answers one ask on slots, which gateways hold while requests are under way and give back after them. */
export function answerSlots(
  known: LimitState | undefined,
  { gateway, rule, ask, now }: { gateway: string; rule: SlotRule; ask: LimitAsk; now: number },
): { state: LimitState; grant: LimitGrant } {
  const others = (known?.parts ?? []).filter((part) => part.gateway !== gateway && part.until > now);
  const free = Math.max(0, rule.limit - sum(others, 'cap') - ask.keep);
  const gateways = others.length + 1;
  const spare = ask.exact ? 0 : Math.floor(Math.min(free / (2 * gateways), ask.keep / 4));
  const needed = Math.min(ask.need, free - (free % ask.unit));
  const tokens = Math.max(needed, Math.min(free, needed + spare - (spare % ask.unit)));
  const cap = ask.keep + tokens;
  const parts = cap === 0 ? others : [...others, { gateway, rate: 0, cap, until: now + term, demand: 0 }];
  const left = free - tokens;
  return {
    state: { at: now, level: left, parts },
    grant: {
      tokens,
      rate: 0,
      cap,
      term: cap === 0 ? 0 : term,
      left,
      scarce: left < ask.unit,
      ends: 0,
      gateways,
      wanted: 0,
      home: '',
      at: now,
      spare: 0,
    },
  };
}
