import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock, Random } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { News } from '../../model/news.ts';
import { mapInTurns } from '../../model/pieces.ts';
import type { Link, Watch } from '../contract.ts';
import { type Change, type Kind, kinds, type Reading, type Store, type Stored, type Wanted } from '../store.ts';
import { Writability } from '../writability.ts';
import { evictionPolicy } from './eviction.ts';
import { NewsChannels } from './news-channels.ts';
import { RedisClient, type RedisCommands } from './redis-client.ts';
import { RedisLimitStore } from './redis-limit-store.ts';
import { RedisNews } from './redis-news.ts';
import { redisRefusal } from './redis-refusal.ts';
import { keyNames } from './redis-scripts.ts';
import { parseRedisUrl } from './redis-url.ts';

const reading = z.tuple([z.string(), z.coerce.number(), z.array(z.unknown())]);
const row = z.tuple([z.enum(kinds), z.string(), z.string(), z.string()]);
/** A reading, the cursor of the next piece, and the process that gave it. */
const piece = z.tuple([z.unknown(), z.string(), z.string()]);

/** A {@link Store} in Redis, shared by any number of processes. Leases run by Redis' clock. */
export class RedisStore implements Store {
  readonly #client: RedisCommands;
  readonly #news: RedisNews;
  readonly #channels: NewsChannels;
  readonly #keys: readonly string[];
  readonly #writability: Writability;
  readonly limits: RedisLimitStore;

  /** Starts to connect, and retries until it succeeds. Throws `invalid` if the URL can't be used. */
  constructor(parts: { url: string; prefix: string; clock: Clock; random: Random; logger: Log }) {
    const { url, clock, random, logger } = parts;
    // One hash tag puts all keys into one slot of a Cluster.
    const prefix = `{${parts.prefix}}`;
    const client = new RedisClient(parseRedisUrl(url), parts);
    this.#client = client.commands;
    // Never logs the error itself: it holds the failed command, which may be AUTH with the password.
    this.#client.onError(({ message }) => logger.debug({ reason: message }, 'the connection to Redis had an error'));
    this.#writability = new Writability(parts);
    this.#keys = keyNames.map((name) => `${prefix}:${name}`);
    this.#channels = new NewsChannels(prefix);
    this.limits = new RedisLimitStore(prefix, (keys, args) => this.#write(() => this.#client.limit(keys, args)));
    const onUp = () => void this.#warnOfEviction(logger);
    this.#news = new RedisNews({ client, prefix, channels: this.#channels, clock, random, logger, onUp });
  }

  /** Resolves once Redis has answered, or could not be reached. */
  get firstTry(): Promise<void> {
    return this.#news.firstTry;
  }

  get link(): Link {
    return this.#writability.of(this.#news.link);
  }

  read(wanted: readonly Wanted[]): Promise<Reading> {
    return this.#read(wanted.flatMap(({ kind, name, known }) => [kind, name, `${known ?? ''}`]));
  }

  list(kind: Kind, prefix = ''): Promise<Reading> {
    // Each change of these changes the document of their environment, too, by which a reader notices it.
    return kind === 'deployment' || kind === 'claim' ? this.#listInPieces(kind, prefix) : this.#read([kind, `*${prefix}`, '']);
  }

  async commit({ epoch, expect, expectAll, put = [], remove = [], lease, news }: Change): Promise<boolean> {
    const expected = expect.map(({ kind, name, revision }) => ({ kind, name, revision }));
    const removed = remove.map(({ kind, name }) => ({ kind, name }));
    const change = JSON.stringify({ epoch, expect: expected, expectAll, put, remove: removed, lease });
    const done = (await this.#write(() => this.#client.commit(this.#keys, [change, ...this.#messages(news)]))) === 1;
    if (done && (lease !== undefined || put.length + removed.length > 0)) this.#writability.accepted();
    return done;
  }

  async renew(id: string, instance: string): Promise<Reading | undefined> {
    const args = [id, instance, ...this.#messages([{ kind: 'server', name: id }])];
    const answer = await this.#write(() => this.#client.renew(this.#keys, args));
    if (answer === null) return undefined;
    this.#writability.accepted();
    return decode(answer);
  }

  async probe(): Promise<void> {
    // A refusal is noted in the link, and a failed connection shows there too.
    await this.#write(() => this.#client.probe(this.#keys)).then(
      () => this.#writability.accepted(),
      () => {},
    );
  }

  watch(listener: (news: News) => void, server?: string): Watch {
    return this.#news.watch(listener, server);
  }

  async close(): Promise<void> {
    this.#news.close();
    this.#client.close();
  }

  /** Warns if Redis may evict keys. Without permission for INFO nothing can be said. */
  async #warnOfEviction(logger: Log): Promise<void> {
    try {
      const policy = evictionPolicy(await this.#client.memory());
      if (policy === undefined) return;
      logger.warn(
        { policy },
        'Redis may evict keys of the registry when its memory is full, and deployments with them: set maxmemory-policy to noeviction, and give caches a Redis of their own',
      );
    } catch (error) {
      logger.debug({ reason: (error as Error).message }, 'whether Redis may evict keys could not be read');
    }
  }

  async #read(wanted: readonly string[]): Promise<Reading> {
    return decode(await this.#ask(() => this.#client.read(this.#keys, [randomUUID(), ...wanted])));
  }

  async #listInPieces(kind: Kind, prefix: string): Promise<Reading> {
    const documents = new Map<string, Stored>();
    let first: (Reading & { readonly process: string }) | undefined;
    let cursor = '0';
    do {
      const args = [randomUUID(), kind, prefix, cursor];
      const [rows, next, process] = piece.parse(await this.#ask(() => this.#client.piece(this.#keys, args)));
      const part = { ...(await decode(rows)), process };
      first ??= part;
      if (part.process !== first.process || part.epoch !== first.epoch)
        throw new SluiceError('unavailable', 'Redis was restarted, or another took over, while a list was read: try again');
      for (const stored of part.documents) documents.set(stored.name, stored);
      cursor = next;
    } while (cursor !== '0');
    const { epoch, generation } = first;
    return { epoch, generation, documents: [...documents.values()] };
  }

  #messages(news: readonly News[]): string[] {
    return news.flatMap((item) => this.#channels.of(item).flatMap((channel) => [channel, JSON.stringify(item)]));
  }

  /** Sends a command that writes, and notes whether Redis refuses it. */
  #write(command: () => Promise<unknown>): Promise<unknown> {
    return this.#ask(async () => {
      try {
        return await command();
      } catch (error) {
        const refusal = redisRefusal(error as Error);
        if (refusal === undefined) throw error;
        this.#writability.refused(refusal);
        throw new SluiceError('unavailable', `the registry refuses writes: ${refusal.reason}: ${refusal.remedy}`);
      }
    });
  }

  async #ask(command: () => Promise<unknown>): Promise<unknown> {
    try {
      return await command();
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      const refusal = redisRefusal(error as Error);
      if (refusal !== undefined)
        throw new SluiceError('unavailable', `the registry in Redis refuses this: ${refusal.reason}: ${refusal.remedy}`);
      throw new SluiceError('unavailable', `the registry in Redis does not answer: ${this.#news.link.reason ?? (error as Error).message}`);
    }
  }
}

async function decode(answer: unknown): Promise<Reading> {
  const [epoch, generation, rows] = reading.parse(answer);
  return { epoch, generation, documents: await mapInTurns(rows, (one) => storedOf(...row.parse(one))) };
}

function storedOf(kind: Kind, name: string, framed: string, remaining: string): Stored {
  const [, revision = '0', text = framed] = /^(\d+)\|(.*)$/s.exec(framed) ?? [];
  const stored = { kind, name, revision: Number(revision), text };
  return remaining === '' ? stored : { ...stored, leaseRemaining: Number(remaining) };
}
