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
