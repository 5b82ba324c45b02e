import { maxPort } from '../../model/bounds.ts';
import { SluiceError } from '../../model/fault.ts';

/** Where and how Redis is reached, read from a URL. */
export interface RedisLocation {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  /** Redis itself, the Sentinels, or some nodes of the Cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Name under which the Sentinels know the master. */
  readonly master?: string;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
}

/** Forms of URLs that {@link parseRedisUrl} accepts, for messages. */
export const redisUrlForms = [
  'redis://[user:password@]host[:6379][/db] (rediss:// for TLS)',
  'redis+sentinel://[user:password@]host[:26379],host…/mastername[?db=N&sentinelPassword=…]',
  'redis+cluster://[user:password@]host[:6379],host…',
];

const shape =
  /^(?<tls>rediss?)(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;
const hostPort = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?<port>\d{1,5}))?$/;

/** True if the URL has a scheme of Redis. */
export function isRedisUrl(url: string): boolean {
  return /^rediss?(\+\w+)?:/.test(url);
}

/** Parses a URL; throws `invalid` if it can't be used. The message never repeats the URL, which may contain a password. */
export function parseRedisUrl(url: string): RedisLocation {
  const groups = shape.exec(url)?.groups;
  if (!groups) throw refusal('it has none of the known forms');
  const mode = (groups['mode'] ?? 'single') as RedisLocation['mode'];
  const nodes = (groups['hosts'] as string).split(',').map((text) => parseNode(text, mode === 'sentinel' ? 26379 : 6379));
  if (mode === 'single' && nodes.length > 1) throw refusal('several hosts need redis+sentinel:// or redis+cluster://');

  const path = decode(groups['path'] ?? '');
  if (mode === 'sentinel' && path === '') throw refusal('the name of the master is missing after the hosts');
  if (mode === 'cluster' && path !== '' && path !== '0') throw refusal('a cluster has only database 0');
  const query = parseQuery(groups['query'] ?? '', mode);
  return {
    mode,
    tls: groups['tls'] === 'rediss',
    nodes,
    db: parseDb((mode === 'single' && path !== '' ? path : query.get('db')) ?? '0'),
    ...(mode === 'sentinel' ? { master: path } : {}),
    ...optional('username', groups['user']),
    ...optional('password', groups['password']),
    ...optional('sentinelPassword', query.get('sentinelPassword') ?? undefined),
  };
}

function parseNode(text: string, defaultPort: number): { host: string; port: number } {
  const groups = hostPort.exec(text)?.groups;
  const port = Number(groups?.['port'] ?? defaultPort);
  if (!groups || port < 1 || port > maxPort) throw refusal('a host must be HOST or HOST:PORT');
  return { host: (groups['host'] as string).replace(/^\[|\]$/g, ''), port };
}

function parseDb(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw refusal('the database must be a number');
  return Number(text);
}

function parseQuery(text: string, mode: RedisLocation['mode']): URLSearchParams {
  const known = { single: ['db'], sentinel: ['db', 'sentinelPassword'], cluster: [] }[mode];
  const query = new URLSearchParams(text);
  const unknown = [...query.keys()].find((key) => !known.some((name) => name === key));
  if (unknown !== undefined)
    throw refusal(
      `"${unknown}" is not a setting in the URL of this kind of Redis${known.length > 0 ? `; known: ${known.join(', ')}` : ''}`,
    );
  return query;
}

function optional<K extends string>(key: K, text: string | undefined): { [key in K]?: string } {
  return (text === undefined || text === '' ? {} : { [key]: decode(text) }) as { [key in K]?: string };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal('a % must be followed by two hexadecimal digits');
  }
}

function refusal(reason: string): SluiceError {
  return new SluiceError('invalid', `the registry's Redis URL cannot be used: ${reason}; write ${redisUrlForms.join(', or ')}`);
}
