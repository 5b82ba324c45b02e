import type { HeaderFields } from '../../http1/message/message-view.ts';
import { type Directives, secondsIn, secondsOf } from './directives.ts';
import { httpDateOf } from './http-date.ts';

/** Times of one stored response. All in milliseconds. */
export interface Freshness {
  /** Age when it came (RFC 9111 section 4.2.3); infinite if its Age cannot be read. */
  readonly initialAge: number;
  /** Age up to which it is fresh. */
  readonly lifetime: number;
  /** The target has said how long it is fresh. */
  readonly explicit: boolean;
}

/**
 * Freshness by RFC 9111 sections 4.2.1 and 4.2.3, for a shared cache.
 * @param ttl lifetime of a response that says nothing about it
 * @param receivedAt time at which its head came @param delay time since the request was sent
 */
export function freshnessOf(
  headers: Pick<HeaderFields, 'get' | 'all'>,
  directives: Directives,
  ttl: number,
  receivedAt: number,
  delay: number,
): Freshness {
  const date = httpDateOf(headers.get('date')) ?? receivedAt;
  const said = secondsIn(directives, 's-maxage') ?? secondsIn(directives, 'max-age');
  const expires = headers.get('expires');
  const explicit = said !== undefined || expires !== undefined;
  const lifetime = said !== undefined ? said * 1000 : expires !== undefined ? (httpDateOf(expires) ?? 0) - date : ttl;
  const ages = headers.all('age');
  const age = ages.length === 0 ? 0 : ages.length === 1 ? secondsOf(ages[0] as string) : undefined;
  const initialAge = age === undefined ? Number.POSITIVE_INFINITY : Math.max(0, receivedAt - date, age * 1000 + delay);
  return { initialAge, lifetime: Math.max(0, lifetime), explicit };
}
