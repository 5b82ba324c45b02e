import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { unmapped } from './ip-address.ts';

/** Version of the PROXY protocol's header: text (v1) or binary (v2). */
export type ProxyVersion = 'v1' | 'v2';

/** Both ends of a client's connection, as IP addresses and ports. */
export interface ConnectionEnds {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** The first twelve octets of each header of version 2. */
export const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Header for a connection that a balancer opens on its own behalf, as health checks do: LOCAL (v2) or UNKNOWN (v1). */
export function localHeader(version: ProxyVersion): Buffer {
  return version === 'v1' ? Buffer.from('PROXY UNKNOWN\r\n', 'latin1') : Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])]);
}

/** Header that names the ends of a client's connection. If they are not known as two IP addresses, it is a {@link localHeader}. */
export function proxyHeader(version: ProxyVersion, ends: ConnectionEnds): Buffer {
  const given = [unmapped(ends.source), unmapped(ends.destination)];
  const isV4 = given.every((address) => isIPv4(address));
  const [source, destination] = isV4 ? given : given.map((address) => (isIPv4(address) ? `::ffff:${address}` : address));
  if (source === undefined || destination === undefined || (!isV4 && !(isIPv6(source) && isIPv6(destination)))) return localHeader(version);
  const { sourcePort, destinationPort } = ends;
  if (version === 'v1')
    return Buffer.from(`PROXY TCP${isV4 ? 4 : 6} ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`, 'latin1');
  const size = isV4 ? 4 : 16;
  const header = Buffer.alloc(16 + 2 * size + 4);
  signature.copy(header);
  header[12] = 0x21;
  header[13] = isV4 ? 0x11 : 0x21;
  header.writeUInt16BE(2 * size + 4, 14);
  header.set(octetsOf(source), 16);
  header.set(octetsOf(destination), 16 + size);
  header.writeUInt16BE(sourcePort, 16 + 2 * size);
  header.writeUInt16BE(destinationPort, 18 + 2 * size);
  return header;
}

/** The 4 or 16 octets of an IP address. */
function octetsOf(address: string): number[] {
  if (isIPv4(address)) return address.split('.').map(Number);
  const { address: short } = new SocketAddress({ address: address.replace(/%.*/, ''), family: 'ipv6' });
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? octetsOf(group) : wide(group)));
  const [start = '', end = ''] = short.split('::');
  const [head, tail] = [groups(start), groups(end)];
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

function wide(group: string): number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
