import { isIPv6 } from 'node:net';
import { COLON, DIGIT, DOT, HEX, octetClasses, REG_NAME, ZERO } from './octets.ts';

const PERCENT = 0x25;
const OPEN = 0x5b;
const CLOSE = 0x5d;

const maxPort = 65_535;

/**
 * Says whether [start, end) is `uri-host [ ":" port ]` with a host that is not empty (RFC 3986 section 3.2): a registered name, an IPv4
 * address, or an IPv6 address in brackets. The port is at most 65535 and may be missing after the colon. User information is refused
 * (RFC 9110 section 4.2.4), and so are zone identifiers and IPvFuture, for which no version is defined.
 */
export function isHost(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (bytes[start] === OPEN) {
    at++;
    while (at < end && isAddressOctet(bytes[at] as number)) at++;
    if (at === end || bytes[at] !== CLOSE || !isIPv6(bytes.toString('latin1', start + 1, at))) return false;
    at++;
  } else {
    while (at < end) {
      const octet = bytes[at] as number;
      if (((octetClasses[octet] as number) & REG_NAME) !== 0) at++;
      else if (octet === PERCENT && at + 2 < end && isHex(bytes[at + 1] as number) && isHex(bytes[at + 2] as number)) at += 3;
      else break;
    }
    if (at === start) return false;
  }
  if (at === end) return true;
  if (bytes[at] !== COLON) return false;
  let port = 0;
  while (++at < end) {
    const octet = bytes[at] as number;
    if (((octetClasses[octet] as number) & DIGIT) === 0) return false;
    port = port * 10 + (octet - ZERO);
    if (port > maxPort) return false;
  }
  return true;
}

function isHex(octet: number): boolean {
  return ((octetClasses[octet] as number) & HEX) !== 0;
}

function isAddressOctet(octet: number): boolean {
  return isHex(octet) || octet === COLON || octet === DOT;
}
