import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/**
 * Protocols that are never offered to a server, by name in lower case. TLS (RFC 2817) would secure one connection only, not the way from
 * the client to the server. HTTP/2 in a tunnel would carry requests that no rule sees.
 */
const neverOffered = ['tls', 'h2', 'h2c', 'http'];

/**
 * The protocols of a request's Upgrade field that the server may switch to, separated by commas, as the client spelt them; '' if there are
 * none. The others are left out, which leaves the request plain HTTP/1.1 (RFC 9110 section 7.8 lets a server ignore the field). A request
 * with a body offers none.
 */
export function offeredProtocols(head: RequestHead): string {
  if (!head.upgrade || head.chunked || head.contentLength > 0) return '';
  return protocolsOf(head.fields.get('upgrade'))
    .filter((protocol) => !neverOffered.includes(nameOf(protocol)))
    .join(', ');
}

/** True if the 101 response names, in its Upgrade field, only protocols among `offered`, a result of {@link offeredProtocols}. */
export function agreesTo(head: ResponseHead, offered: string): boolean {
  const names = protocolsOf(offered).map(nameOf);
  const chosen = head.upgrade ? protocolsOf(head.fields.get('upgrade')) : [];
  return chosen.length > 0 && chosen.every((protocol) => names.includes(nameOf(protocol)));
}

function protocolsOf(value = ''): string[] {
  return value
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '');
}

/** The name of a protocol, in lower case, without its version. */
function nameOf(protocol: string): string {
  return protocol.replace(/\s*\/.*/, '').toLowerCase();
}
