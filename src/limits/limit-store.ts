import * as z from 'zod';
import { mostRequests } from '../model/bounds.ts';

/** Tokens are counted in millionths, so that all arithmetic is on integers. One request takes one token. */
export const micro = 1_000_000;

/** Most keys that one call may carry. */
export const mostAsks = 256;

export const quotaPeriods = ['hour', 'day', 'week', 'month'] as const;
export type QuotaPeriod = (typeof quotaPeriods)[number];

const integer = z.int().min(0);
const tokens = integer.max(mostRequests * micro);

/**
 * A limit. `bucket`: a token bucket with `limit` tokens in `window` microseconds and at most `burst` saved. `quota`: `limit` tokens in each calendar
 * period (UTC). `slots`: `limit` tokens that come back, for requests at the same time. All tokens are in millionths.
 */
const rule = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bucket'), limit: tokens.min(1), window: integer.min(1), burst: tokens.min(1) }),
  z.object({ kind: z.literal('quota'), limit: tokens.min(1), period: z.enum(quotaPeriods) }),
  z.object({ kind: z.literal('slots'), limit: tokens.min(1) }),
]);
export type LimitRule = z.output<typeof rule>;
export type BucketRule = Extract<LimitRule, { kind: 'bucket' }>;
export type QuotaRule = Extract<LimitRule, { kind: 'quota' }>;
export type SlotRule = Extract<LimitRule, { kind: 'slots' }>;

/** One gateway server's call for one key. */
const ask = z.object({
  key: z.string().regex(/^[\w-]{22}$/),
  rule,
  /** Tells apart the parts of one gateway: of each run of it, and under different settings, while a revision with others replaces them. */
  version: z.string().regex(/^[\w-]{1,8}$/),
  /** Tokens of the present part that the gateway returns. */
  back: tokens,
  /** Tokens of the present part that it keeps, for use until the answer arrives; of slots, those in use included. */
  keep: tokens,
  /** Tokens that it wants at once: requests wait for them. */
  need: tokens,
  /** Tokens of one of these requests: less is of no use. */
  unit: tokens.min(1),
  /** Tokens a second that its requests ask for. */
  demand: tokens,
  /** The gateway takes no part, only the tokens that it needs at once. */
  exact: z.boolean(),
  /** The gateway is the key's home: it has told balancers to bring all requests of the key to it. */
  home: z.boolean().default(false),
  /** The part that the gateway uses at present: tokens a second, and the most that it may hold; 0: none. */
  rate: tokens.default(0),
  cap: tokens.default(0),
  /** {@link LimitGrant.at} of the answer before; 0: there was none, or so long ago that it does not matter. */
  at: integer.default(0),
  /** The store did not answer the gateway since then: others may use parts that have ended. */
  doubt: z.boolean().default(false),
});
export type LimitAsk = z.output<typeof ask>;

/** Report of a gateway that uses no part and has no doubts. */
export const noPart: Pick<LimitAsk, 'home' | 'rate' | 'cap' | 'at' | 'doubt'> = { home: false, rate: 0, cap: 0, at: 0, doubt: false };

/** Name of the gateway that a part belongs to. */
export function gatewayOf(holder: string): string {
  return holder.slice(0, holder.lastIndexOf('/'));
}

/** Name of the part that a gateway holds, or would hold, of an ask's key. */
export function holderOf(gateway: string, { version }: LimitAsk): string {
  return `${gateway}/${version}`;
}

/** The answer to an {@link LimitAsk}. */
const grant = z.object({
  /** Tokens, for use at once or later. */
  tokens,
  /** The gateway's part from now on: tokens a second, the most that it may hold, and microseconds until the part ends; 0: it has none. */
  rate: tokens,
  cap: tokens,
  term: integer,
  /** Tokens that nobody holds: what the key has left. */
  left: tokens,
  /** True: the gateways together ask for more than the limit. */
  scarce: z.boolean(),
  /** Microseconds until the limit's period ends; 0: it has no periods. */
  ends: integer,
  /** Gateways that share the key, this one included. */
  gateways: integer,
  /** Tokens a second that the gateways together ask for; 0: not known. */
  wanted: tokens.default(0),
  /** The gateway that asks for most, which the key's requests should go to; empty: not known. */
  home: z.string().max(100).default(''),
  /** Time of the answer, by the store's clock in microseconds; 0: not known. */
  at: integer.default(0),
  /** Tokens a second that a gateway without a part may let through while the store does not answer. */
  spare: tokens.default(0),
});
export type LimitGrant = z.output<typeof grant>;

export const limitAsks = z.array(ask).max(mostAsks);
export const limitGrants = z.array(grant).max(mostAsks);

/**
 * Shares limits among gateway servers. Each key's limit is divided into parts, and the store never gives away more than the limit in sum; so each
 * gateway decides alone on its part. Calls are atomic for each key.
 */
export interface LimitStore {
  /** Answers each ask, in order, in one operation. Rejects with `unavailable` if the store cannot be reached. */
  ask(gateway: string, asks: readonly LimitAsk[]): Promise<readonly LimitGrant[]>;
}
