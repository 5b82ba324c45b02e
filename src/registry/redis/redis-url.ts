import { SluiceError } from '../../model/fault.ts';

/** Where Redis is, read from a URL. */
export interface RedisPlace {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  /** Redis itself, the sentinels, or some nodes of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Name of the group of which the sentinels know the master. */
  readonly master?: string;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
}

/** The URLs that {@link parseRedisUrl} takes, for messages. */
export const redisUrlForms = [
  'redis://[user:password@]host[:6379][/db] (rediss:// for TLS)',
  'redis+sentinel://[user:password@]host[:26379],host…/mastername[?db=N&sentinelPassword=…]',
  'redis+cluster://[user:password@]host[:6379],host…',
];

const shape =
  /^(?<tls>rediss?)(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;
const hostPort = /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?<port>\d{1,5}))?$/;

/** Whether the scheme says that this is meant to be Redis. */
export function isRedisUrl(url: string): boolean {
  return /^rediss?(\+\w+)?:/.test(url);
}

/** `invalid` if nothing can be reached by it. The message never repeats the URL: there may be a password in it. */
export function parseRedisUrl(url: string): RedisPlace {
  const groups = shape.exec(url)?.groups;
  if (!groups) throw refusal('it has none of these forms');
  const mode = (groups['mode'] ?? 'single') as RedisPlace['mode'];
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
  if (!groups || port < 1 || port > 65535) throw refusal('a host must be HOST or HOST:PORT');
  return { host: (groups['host'] as string).replace(/^\[|\]$/g, ''), port };
}

function parseDb(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw refusal('the database must be a number');
  return Number(text);
}

function parseQuery(text: string, mode: RedisPlace['mode']): URLSearchParams {
  const known = { single: ['db'], sentinel: ['db', 'sentinelPassword'], cluster: [] }[mode];
  const query = new URLSearchParams(text);
  const unknown = [...query.keys()].find((key) => !known.some((name) => name === key));
  if (unknown !== undefined) throw refusal(`"${unknown}" is no setting here${known.length > 0 ? `; known: ${known.join(', ')}` : ''}`);
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
