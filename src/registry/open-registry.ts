import { type Clock, type Random, systemClock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { Registry } from './contract.ts';
import { FileStore } from './embedded/file-store.ts';
import { isRedisUrl, redisUrlForms } from './redis/redis-url.ts';
import { RemoteRegistry } from './remote/remote-registry.ts';
import type { RevisionExaminer } from './rules/deployable-revisions.ts';
import { documentRegistry } from './rules/document-registry.ts';

const forms = ['embedded:FOLDER', ...redisUrlForms, "http(s)://HOST:PORT (a balancer's control address)"];

/**
 * Opens the registry at a URL. Resolves even if Redis or the balancer can't be reached yet: then `link` is down, calls fail with
 * `unavailable`, and connecting is tried again. Rejects with `invalid` if the URL cannot be one of a registry.
 *
 * @param options.prefix prefix of all keys in Redis; default `sluice`
 * @param options.token token for a balancer: the join token for a gateway's calls, the admin token for all calls
 */
export async function openRegistry(options: {
  url: string;
  prefix?: string;
  token?: string;
  /** Authorities that a balancer's certificate is checked against, in PEM; default: those that Node.js knows. */
  ca?: string;
  logger: Log;
  clock?: Clock;
  random?: Random;
  /** Examines large revisions that are deployed; default: this process does. Not used behind a balancer, which examines them itself. */
  examine?: RevisionExaminer;
}): Promise<Registry> {
  const { url, prefix = 'sluice', token, ca, logger, clock = systemClock, random = Math.random, examine } = options;
  const parts = { logger, clock, random };
  if (url.startsWith('embedded:')) {
    const folder = url.slice('embedded:'.length);
    if (folder === '') throw new SluiceError('invalid', 'the registry URL embedded: has no folder: write for example embedded:./data');
    return documentRegistry({ ...parts, examine, store: await FileStore.open(folder, parts) });
  }
  if (isRedisUrl(url)) {
    if (!/^[A-Za-z0-9._:-]{1,100}$/.test(prefix)) {
      throw new SluiceError('invalid', 'the registry\'s prefix must be 1 to 100 letters, digits, ".", "_", ":" or "-"');
    }
    // Loaded only here, as the library that speaks to Redis is large.
    const { RedisStore } = await import('./redis/redis-store.ts');
    const store = new RedisStore({ ...parts, url, prefix });
    await store.firstTry;
    return documentRegistry({ ...parts, examine, store });
  }
  if (/^https?:\/\//.test(url)) {
    const registry = new RemoteRegistry({ ...parts, url, ...(token !== undefined && { token }), ...(ca !== undefined && { ca }) });
    await registry.firstTry;
    return registry;
  }
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0];
  throw new SluiceError(
    'invalid',
    `${scheme ? `"${scheme}" is not the scheme of a registry` : 'the registry URL has no scheme'}: write ${forms.join(', or ')}`,
  );
}
