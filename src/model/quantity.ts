import * as z from 'zod';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

// Zod tells the union's message for what is no text, the pattern's for a text that is no time.
const wrongDuration = 'must be a time such as 250ms, 2s or 5m';

/** A time span such as `250ms`, `2s`, `5m`; read as milliseconds. `0` and `0s` mean none. */
export const duration = z
  .union([z.literal(0), z.string().regex(/^\d+(\.\d+)?(ms|s|m|h)$/, wrongDuration)], wrongDuration)
  .transform((text) => {
    if (text === 0) return 0;
    const [, amount = '0', unit = 'ms'] = /^([\d.]+)(\D+)$/.exec(text) ?? [];
    return Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs]);
  })
  // Node's timers fire at once when asked to wait longer than this.
  .refine((ms) => ms < 2 ** 31, 'must be at most 596h')
  .meta({ title: 'time', description: 'a time such as 250ms, 2s, 5m; 0 means none' });

const hostPort = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(?<port>\d{1,5})$/;

/** Where a server listens or is reached: `HOST:PORT`, an IPv6 host in brackets. */
export const address = z
  .string()
  .refine((text) => Number(hostPort.exec(text)?.groups?.['port'] ?? 65536) < 65536, {
    message: 'must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080',
  })
  .meta({ title: 'HOST:PORT', description: 'HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080' });

/** Splits a valid {@link address}; brackets around an IPv6 host are dropped, as `net.connect` wants it. */
export function parseAddress(text: string): { host: string; port: number } {
  const groups = hostPort.exec(text)?.groups;
  if (!groups) throw new TypeError(`"${text}" is not HOST:PORT`);
  return { host: (groups['host'] as string).replace(/^\[|\]$/g, ''), port: Number(groups['port']) };
}

/** The inverse of {@link parseAddress}. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A name used in URLs, keys and files: environments, servers, projects. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or digit')
  .meta({ title: 'name', description: 'letters, digits, ".", "_", "-"; at most 63' });
