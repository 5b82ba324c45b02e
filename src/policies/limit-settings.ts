import * as z from 'zod';
import { type BucketRule, micro } from '../limits/limit-store.ts';
import { mostRequests } from '../model/bounds.ts';
import { httpToken } from '../model/http-names.ts';
import { networkOf } from '../model/ip-address.ts';
import { duration } from '../model/quantity.ts';
import type { PolicyContext } from './contract.ts';

/** A number of requests. A text, too, since variables are texts. */
export const requests = z
  .union([z.int(), z.string().regex(/^\d{1,10}$/, 'must be a whole number')], 'must be a whole number')
  .transform(Number)
  .refine((given) => given >= 1 && given <= mostRequests, `must be from 1 to ${mostRequests}`)
  .meta({ title: 'number' });

/** A window of a rate limit, in milliseconds. */
export const window = duration.refine((ms) => ms >= 1, 'must be at least 1ms');

const windows = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A rate such as `100/s`, `30/m` or `5000/h`: requests, and milliseconds. */
export const rate = z
  .string('must be a rate such as 100/s or 30/m')
  .regex(/^\d{1,10}\/[smh]$/, 'must be a rate such as 100/s or 30/m')
  .transform((text) => {
    const [amount, unit] = text.split('/') as [string, keyof typeof windows];
    return { limit: Number(amount), windowMs: windows[unit] };
  })
  .refine(({ limit }) => limit >= 1 && limit <= mostRequests, `must be from 1 to ${mostRequests} requests`)
  .meta({ title: 'rate' });

/** The rule of a token bucket. */
export function bucketRule({ limit, windowMs, burst }: { limit: number; windowMs: number; burst: number }): BucketRule {
  return { kind: 'bucket', limit: limit * micro, window: windowMs * 1000, burst: burst * micro };
}

const byMessage = 'must be consumer, client-ip, header:NAME, claim:NAME or all';

/** The property of requests by which they are counted apart. */
export const by = z
  .string(byMessage)
  .refine((text) => {
    const [kind = '', name] = split(text);
    if (kind === 'header') return name !== undefined && httpToken.test(name);
    if (kind === 'claim') return name !== undefined && name !== '' && name.length <= 100;
    return name === undefined && ['consumer', 'client-ip', 'all'].includes(kind);
  }, byMessage)
  .meta({
    title: '`consumer` `client-ip` `header:NAME` `claim:NAME` `all`',
    description:
      'what is counted apart from each other: consumers, IP addresses of clients (of IPv6 the /64 network), values of a header field, or of a claim of the token; `all`: all requests together. A request without consumer, field or claim is counted by its IP address',
  });

/** Reads the value by which a request is counted. Values of different kinds never are the same text. */
export function readerOf(by: string): (context: PolicyContext) => string {
  const [kind, name = ''] = split(by);
  switch (kind) {
    case 'all':
      return () => '';
    case 'client-ip':
      return addressOf;
    case 'header':
      return (context) => prefixed('h', context.request.headers.get(name)) ?? addressOf(context);
    case 'claim':
      return (context) => prefixed('v', claimOf(context, name)) ?? addressOf(context);
    default:
      return (context) => prefixed('c', context.caller?.consumer) ?? addressOf(context);
  }
}

/** Reads the part of a request by which a balancer recognizes the requests that are counted together; undefined: all of a project are. */
export function partOf(by: string): (context: PolicyContext) => string | undefined {
  const [kind] = split(by);
  switch (kind) {
    case 'all':
      return () => undefined;
    case 'client-ip':
    case 'header':
      return () => by;
    default:
      return (context) => context.identifiedBy ?? 'client-ip';
  }
}

function split(by: string): [kind: string, name?: string] {
  const colon = by.indexOf(':');
  return colon === -1 ? [by] : [by.slice(0, colon), by.slice(colon + 1)];
}

function addressOf({ clientAddress }: PolicyContext): string {
  return clientAddress.includes(':') ? networkOf(clientAddress) : clientAddress;
}

function prefixed(kind: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `${kind} ${value}`;
}

function claimOf({ caller }: PolicyContext, name: string): string | undefined {
  const { claims } = caller ?? {};
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? `${typeof value} ${value}` : undefined;
}
