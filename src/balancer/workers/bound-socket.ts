import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatAddress, parseAddress } from '../../model/quantity.ts';

/** Node's own handle of a TCP socket. */
interface Handle {
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

/** The part of `net` that `node:cluster` is made of. */
interface Inside {
  _createServerHandle(ip: string, port: number, family: 4 | 6): Handle | number;
}

/** An address taken by this process for others to listen on: as long as it is open the address stays taken, whoever comes and goes. */
export interface BoundSocket {
  /** As bound: a port of 0 is resolved. */
  readonly address: string;
  /** What is sent along with a message. */
  readonly handle: object;
  close(): void;
}

/**
 * Binds, and does not listen: whoever is given the handle does, and the system gives each new connection to one of those. Node has
 * no public way to bind without accepting. Rejects with the system's error.
 */
export async function bindSocket(address: string): Promise<BoundSocket> {
  const { host, port } = parseAddress(address);
  const { address: ip, family } = await lookup(host);
  const handle = (net as unknown as Inside)._createServerHandle(ip, port, family as 4 | 6);
  if (typeof handle === 'number') throw systemError(handle, address);
  const name: { address?: string; port?: number } = {};
  // An address in use is told only when the socket is looked at.
  const status = handle.getsockname(name);
  if (status !== 0) {
    handle.close();
    throw systemError(status, address);
  }
  return { address: formatAddress(name.address ?? ip, name.port ?? port), handle, close: () => handle.close() };
}

function systemError(status: number, address: string): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`bind ${code} ${address}`), { code });
}
