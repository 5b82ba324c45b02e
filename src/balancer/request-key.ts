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

/** Value of the first cookie called `name` (RFC 6265 section 4.2; cookie names are case-sensitive). */
export function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
