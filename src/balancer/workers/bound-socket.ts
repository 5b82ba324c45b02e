import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatAddress, parseAddress } from '../../model/address.ts';

/** Node's internal handle of a TCP socket. */
interface Handle {
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

/** The undocumented part of `net` that `node:cluster` uses. */
interface NetInternals {
  _createServerHandle(ip: string, port: number, family: 4 | 6): Handle | number;
}

/** A socket bound by this process for worker processes to listen on. While it is open the address stays taken, even if every worker ends. */
export interface BoundSocket {
  /** The bound address, with port 0 resolved. */
  readonly address: string;
  /** The handle, to be sent along with a message to a worker. */
  readonly handle: object;
  close(): void;
}

/**
 * Binds without listening: each worker that gets the handle listens on it, and the kernel gives every new connection to one of them. Node
 * has no public API to bind without accepting. Rejects with the system's error.
 */
export async function bindSocket(address: string): Promise<BoundSocket> {
  const { host, port } = parseAddress(address);
  const { address: ip, family } = await lookup(host);
  const handle = (net as unknown as NetInternals)._createServerHandle(ip, port, family as 4 | 6);
  if (typeof handle === 'number') throw systemError(handle, address);
  const name: { address?: string; port?: number } = {};
  // libuv reports an address in use (EADDRINUSE) only at the next call on the handle.
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
