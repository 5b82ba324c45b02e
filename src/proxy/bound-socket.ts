import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatAddress, parseAddress } from '../model/address.ts';

/** Node's internal handle of a TCP socket. */
interface Handle {
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

/** The undocumented part of `net` that `node:cluster` uses. */
interface NetInternals {
  _createServerHandle(ip: string, port: number, family: 4 | 6, fd: undefined, flags: number): Handle | number;
}

/** A socket bound by this process, for itself or worker processes to listen on. While it is open the address stays taken, even if every worker ends. */
export interface BoundSocket {
  /** The bound address, with port 0 resolved. */
  readonly address: string;
  /** The handle, to be sent along with a message to a worker. */
  readonly handle: object;
  close(): void;
}

/** libuv's flag for SO_REUSEPORT, which Node.js has from 22.12 and 23.1 on. Only Linux gives connections to the more specific address. */
const reusePort = process.platform === 'linux' && sharesPorts() ? 2 : 0;

/** True if an address can be bound beside another one with the same port, such as 0.0.0.0 beside 127.0.0.1. */
export const bindsBeside = reusePort !== 0;

/**
 * Binds without listening: each process that gets the handle listens on it, and the kernel gives every new connection to one of them. Node
 * has no public API to bind without accepting. Rejects with the system's error.
 * @param beside this process already listens on an address that overlaps with this one
 */
export async function bindSocket(address: string, beside = false): Promise<BoundSocket> {
  const { host, port } = parseAddress(address);
  const { address: ip, family } = await lookup(host);
  const at = { address, ip, port, family: family as 4 | 6 };
  if (reusePort === 0 || port === 0) return bind(at, 0);
  // Without the flag first: with it, a second program that listens here would not be noticed.
  if (!beside) bind(at, 0).close();
  return bind(at, reusePort);
}

function sharesPorts(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

function bind({ address, ip, port, family }: { address: string; ip: string; port: number; family: 4 | 6 }, flags: number): BoundSocket {
  const handle = (net as unknown as NetInternals)._createServerHandle(ip, port, family, undefined, flags);
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
