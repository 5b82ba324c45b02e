import { hashText } from '../balance/hash-text.ts';
import type { Exchange } from '../proxy/contract.ts';

/** Hash of the part of a request that balancing goes by. */
export type RequestKey = (exchange: Exchange) => number;

/**
 * Makes the key function for `hash.on`: `client-ip`, `client-certificate`, `path`, `header:NAME` or `cookie:NAME`.
 * A request without that certificate, header or cookie is hashed by its client's address.
 */
export function requestKey(on: string): RequestKey {
  const [kind, name = ''] = on.split(':', 2);
  switch (kind) {
    case 'path':
      return ({ request }) => hashText(request.path);
    case 'client-certificate':
      // A proxy in front tells the certificate itself.
      return (exchange) => hashText(exchange.clientSubject ?? exchange.request.clientCertificate ?? exchange.clientAddress);
    case 'header':
      return (exchange) => hashText(exchange.request.headers.get(name) ?? exchange.clientAddress);
    case 'cookie':
      return (exchange) => hashText(cookie(exchange.request.headers.get('cookie'), name) ?? exchange.clientAddress);
    default:
      return (exchange) => hashText(exchange.clientAddress);
  }
}

const named = /^(?:header|cookie):[\w!#$%&'*+.^`|~-]{1,100}$/;

/**
 * Makes the key function for a part of a request that a gateway server names: like `hash.on`, `query:NAME` for the first parameter with that name, or
 * `path:NUMBER` for so many segments of the path. Undefined: it is unknown.
 */
export function homeKey(on: string): RequestKey | undefined {
  if (on === 'client-ip' || named.test(on)) return requestKey(on);
  const segments = /^path:(\d{1,2})$/.exec(on)?.[1];
  if (segments !== undefined) return ({ request }) => hashText(firstSegments(request.path, Number(segments)));
  const parameter = /^query:([A-Za-z0-9._~-]{1,100})$/.exec(on)?.[1];
  if (parameter === undefined) return undefined;
  return ({ request, clientAddress }) => hashText(parameterIn(request.target, parameter) ?? clientAddress);
}

function firstSegments(path: string, count: number): string {
  let end = 0;
  for (let left = count; left > 0 && end !== -1; left--) end = path.indexOf('/', end + 1);
  return end === -1 ? path : path.slice(0, end);
}

/** The first value of a parameter, as it is written. */
function parameterIn(target: string, name: string): string | undefined {
  for (let at = target.indexOf('?'); at !== -1; at = target.indexOf('&', at + 1)) {
    const start = at + 1 + name.length;
    if (target[start] !== '=' || !target.startsWith(name, at + 1)) continue;
    const end = target.indexOf('&', start);
    return target.slice(start + 1, end === -1 ? undefined : end);
  }
  return undefined;
}

/** Value of the first cookie called `name` (RFC 6265 section 4.2; cookie names are case-sensitive). */
export function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
