import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(peer: string | undefined): boolean {
  const address = peer?.replace(/^::ffff:(?=\d+\.)/, '') ?? '';
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a request comes from this machine and was meant for it. The name it was sent to counts too: a web page (DNS rebinding) or a
 * proxy on this machine would otherwise lend its place to anybody.
 */
export function isLocal(peer: string | undefined, host: string | undefined): boolean {
  const name = host
    ?.replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return isLoopback(peer) && (name === 'localhost' || isLoopback(name));
}
