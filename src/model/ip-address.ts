import { type BlockList, isIP } from 'node:net';

/**
 * An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) as plain IPv4; any other text as it is. A socket that
 * listens on `::` reports its IPv4 clients in the mapped form.
 */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** True if `text` is an IP address, mapped or not, in one of the ranges of `list`. */
export function inRanges(text: string, list: BlockList): boolean {
  const address = unmapped(text);
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Names the network whose addresses one client may have: an IPv4 address, or the /64 network of an IPv6 address (RFC 4291, section 2.5.1).
 */
export function networkOf(text: string): string {
  const address = unmapped(text);
  if (!address.includes(':')) return address;
  const [start = '', end = ''] = address.split('::');
  const groups = start.split(':');
  const missing = 8 - groups.length - (end === '' ? 0 : end.split(':').length);
  return [...groups, ...new Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
