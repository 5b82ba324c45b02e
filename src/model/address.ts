import * as z from 'zod';
import { maxPort } from './bounds.ts';

const hostPort = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?<port>\d{1,5})$/;

/** Address that a server listens at or is reached at: `HOST:PORT`, an IPv6 host in brackets. */
export const address = z
  .string()
  .refine((text) => Number(hostPort.exec(text)?.groups?.['port'] ?? maxPort + 1) <= maxPort, {
    message: 'must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080',
  })
  .meta({ title: 'HOST:PORT', description: 'HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080' });

/** Splits a valid {@link address}. Drops the brackets of an IPv6 host, since `net.connect` takes it without. */
export function parseAddress(text: string): { host: string; port: number } {
  const groups = hostPort.exec(text)?.groups;
  if (!groups) throw new TypeError(`"${text}" is not HOST:PORT`);
  return { host: (groups['host'] as string).replace(/^\[|\]$/g, ''), port: Number(groups['port']) };
}

/** Inverse of {@link parseAddress}. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True if two addresses share a connection's port: they are the same, or one of them covers all of the machine's. Port 0 is a free one. */
export function overlap(one: string, other: string): boolean {
  const [first, second] = [parseAddress(one), parseAddress(other)];
  if (first.port !== second.port || first.port === 0) return false;
  return first.host === second.host || [first.host, second.host].some(isWildcard);
}

/** True if `wide` takes every connection to `narrow`: `0.0.0.0` those over IPv4, `::` all, with the same port. */
export function covers(wide: string, narrow: string): boolean {
  const [all, one] = [parseAddress(wide), parseAddress(narrow)];
  return wide !== narrow && overlap(wide, narrow) && (all.host === '::' || (all.host === '0.0.0.0' && !one.host.includes(':')));
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
