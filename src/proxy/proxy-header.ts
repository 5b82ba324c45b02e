import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { unmapped } from '../model/ip-address.ts';
import { type ConnectionEnds, signature } from '../model/proxy-protocol.ts';
import { crc32c } from './crc32c.ts';

/** Greatest length of a header of version 1, with its CRLF. */
const mostText = 107;
/** Greatest length of a header of version 2, its fixed part included. TLVs of common senders take some hundred octets. */
export const mostHeaderOctets = 4096;
/** Octets of version 2 before the addresses. */
const fixedOctets = 16;
/** Type of the TLV that holds a CRC32c of the whole header. */
const checksumType = 0x03;

/** A complete header, a header of which more octets must come, or octets that are not a header. */
export type ProxyHeader =
  /** `ends`: of the client's connection; undefined: those of the connection itself hold (LOCAL, UNKNOWN, no IP address). */
  { readonly length: number; readonly ends?: ConnectionEnds } | 'incomplete' | { readonly fault: string };

/** Reads a header of the PROXY protocol, version 1 or 2, at the start of `octets`. Never throws. */
export function parseProxyHeader(octets: Buffer): ProxyHeader {
  if (octets.length === 0) return 'incomplete';
  if (octets[0] === signature[0]) return parseBinary(octets);
  const begun = octets.subarray(0, 6).toString('latin1');
  if (begun !== 'PROXY '.slice(0, begun.length)) return { fault: 'does not begin with a PROXY header' };
  return parseText(octets);
}

function parseText(octets: Buffer): ProxyHeader {
  const line = octets.subarray(0, mostText);
  const end = line.indexOf('\r\n');
  if (end < 0) return line.length === mostText ? { fault: 'the PROXY header is too long' } : 'incomplete';
  const length = end + 2;
  const words = line.subarray(0, end).toString('latin1').split(' ');
  if (words[1] === 'UNKNOWN') return { length };
  const [, protocol, source = '', destination = '', sourcePort = '', destinationPort = ''] = words;
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : undefined;
  const ports = [sourcePort, destinationPort];
  const isPort = (text: string) => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
  if (words.length !== 6 || isAddress === undefined || !ports.every(isPort)) return { fault: 'the PROXY header is malformed' };
  if (!isAddress(source) || !isAddress(destination) || line.subarray(0, end).includes('%'))
    return { fault: 'an address in the PROXY header is malformed' };
  return { length, ends: endsOf(source, destination, Number(sourcePort), Number(destinationPort)) };
}

function parseBinary(octets: Buffer): ProxyHeader {
  const begun = Math.min(octets.length, signature.length);
  if (!octets.subarray(0, begun).equals(signature.subarray(0, begun))) return { fault: 'does not begin with a PROXY header' };
  const command = octets[12];
  if (command !== undefined && command !== 0x20 && command !== 0x21)
    return { fault: 'the version or command of the PROXY header is unknown' };
  if (octets.length < fixedOctets) return 'incomplete';
  const length = fixedOctets + octets.readUInt16BE(14);
  if (length > mostHeaderOctets) return { fault: 'the PROXY header is too long' };
  if (octets.length < length) return 'incomplete';
  const header = octets.subarray(0, length);
  const kind = header[13] as number;
  const size = addressOctets(kind);
  if (size === undefined) return { fault: 'the address family of the PROXY header is unknown' };
  // The addresses of a LOCAL connection must be skipped, whatever its family says.
  const isLocal = command === 0x20;
  const tlvs = fixedOctets + size;
  if (tlvs > length) return isLocal ? { length } : { fault: 'the PROXY header is too short for its addresses' };
  const fault = isLocal ? undefined : tlvFault(header, tlvs);
  if (fault !== undefined) return { fault };
  if (isLocal || (kind !== 0x11 && kind !== 0x21)) return { length };
  const half = kind === 0x11 ? 4 : 16;
  const address = (at: number) => (half === 4 ? header.subarray(at, at + 4).join('.') : colons(header, at));
  const ports = fixedOctets + 2 * half;
  return {
    length,
    ends: endsOf(address(fixedOctets), address(fixedOctets + half), header.readUInt16BE(ports), header.readUInt16BE(ports + 2)),
  };
}

/** Length of the addresses of a family and transport; undefined: no such family. */
function addressOctets(kind: number): number | undefined {
  if ((kind & 0x0f) > 2) return undefined;
  return [0, 12, 36, 216][kind >> 4];
}

/** Why the TLVs from `start` on are refused; undefined: they are well-formed, and a checksum among them is right. */
function tlvFault(header: Buffer, start: number): string | undefined {
  let at = start;
  while (at < header.length) {
    if (at + 3 > header.length) return 'a TLV of the PROXY header is cut off';
    const length = header.readUInt16BE(at + 1);
    const value = at + 3;
    if (value + length > header.length) return 'a TLV of the PROXY header is cut off';
    if (header[at] === checksumType && (length !== 4 || header.readUInt32BE(value) !== crc32c(header, value)))
      return 'the checksum of the PROXY header is wrong';
    at = value + length;
  }
  return undefined;
}

function colons(header: Buffer, at: number): string {
  return Array.from({ length: 8 }, (_, group) => header.readUInt16BE(at + 2 * group).toString(16)).join(':');
}

function endsOf(source: string, destination: string, sourcePort: number, destinationPort: number): ConnectionEnds {
  return { source: shortest(source), sourcePort, destination: shortest(destination), destinationPort };
}

/** One spelling for each address: lists and limits compare texts. */
function shortest(address: string): string {
  return address.includes(':') ? unmapped(new SocketAddress({ address, family: 'ipv6' }).address) : address;
}
