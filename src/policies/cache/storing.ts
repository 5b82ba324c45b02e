import type { ResponseView } from '../../http1/message/message-view.ts';
import type { Directives } from './directives.ts';
import type { Freshness } from './freshness.ts';
import type { ReceivedRequest } from './received-request.ts';

/** Statuses that are understood here. */
const understood: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 417, 421, 422,
  429, 500, 501, 502, 503, 504, 505,
]);
/** Statuses whose responses may be stored although nothing says how long they are fresh (RFC 9110 section 15.1). */
const withoutFreshness: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** The response may be stored and used, although its request was meant for one caller (RFC 9111 section 3.5). */
export function sharesGuarded(directives: Directives): boolean {
  return ['public', 's-maxage', 'must-revalidate'].some((name) => directives.has(name));
}

/** Says whether a shared cache may store a response (RFC 9111 section 3), and has a use for it. @param authorized guarded ones too */
export function mayStore(
  request: ReceivedRequest,
  { status, headers }: ResponseView,
  directives: Directives,
  { lifetime, initialAge, explicit }: Freshness,
  authorized: boolean,
): boolean {
  const storable = request.method === 'GET' || (request.method === 'POST' && explicit);
  if (!storable || status < 200 || status === 206 || status === 304) return false;
  const heeded = directives.has('must-understand');
  if (heeded && !understood.has(status)) return false;
  if ((directives.has('no-store') && !heeded) || request.directives.has('no-store') || directives.has('private')) return false;
  if (request.guarded && !authorized && !sharesGuarded(directives)) return false;
  // Without a word from the target a cookie is taken for one client's.
  if (!explicit && (headers.get('set-cookie') !== undefined || !withoutFreshness.has(status))) return false;
  const confirmable = headers.get('etag') !== undefined || headers.get('last-modified') !== undefined;
  const usefulWhenStale = directives.has('stale-if-error') || directives.has('stale-while-revalidate');
  return lifetime > initialAge || confirmable || usefulWhenStale;
}
