import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock, Random } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { News } from '../../model/news.ts';
import type { Link, Watch } from '../contract.ts';
import { type Change, type Key, type Kind, kinds, type Reading, type Store, type Stored } from '../store.ts';
import { NewsChannels } from './news-channels.ts';
import { RedisClient, type RedisCommands } from './redis-client.ts';
import { RedisNews } from './redis-news.ts';
import { keyNames } from './redis-scripts.ts';
import { parseRedisUrl } from './redis-url.ts';

const reading = z.tuple([z.string(), z.coerce.number(), z.array(z.tuple([z.enum(kinds), z.string(), z.string(), z.string()]))]);

/** A {@link Store} in Redis, shared by any number of processes. Leases run by Redis' clock. */
export class RedisStore implements Store {
  readonly #client: RedisCommands;
  readonly #news: RedisNews;
  readonly #channels: NewsChannels;
  readonly #keys: readonly string[];

  /** Starts to connect, and retries until it succeeds. Throws `invalid` if the URL can't be used. */
  constructor(parts: { url: string; prefix: string; clock: Clock; random: Random; logger: Log }) {
    const { url, clock, random, logger } = parts;
    // One hash tag puts all keys into one slot of a Cluster.
    const prefix = `{${parts.prefix}}`;
    const client = new RedisClient(parseRedisUrl(url), random);
    this.#client = client.commands;
    // Never logs the error itself: it holds the failed command, which may be AUTH with the password.
    this.#client.onError(({ message }) => logger.debug({ reason: message }, 'the connection to Redis had an error'));
    this.#keys = keyNames.map((name) => `${prefix}:${name}`);
    this.#channels = new NewsChannels(prefix);
    this.#news = new RedisNews({ client, prefix, channels: this.#channels, clock, random, logger });
  }

  /** Resolves once Redis has answered, or could not be reached. */
  get firstTry(): Promise<void> {
    return this.#news.firstTry;
  }

  get link(): Link {
    return this.#news.link;
  }

  read(keys: readonly Key[]): Promise<Reading> {
    return this.#read(keys.flatMap(({ kind, name }) => [kind, name]));
  }

  list(kind: Kind): Promise<Reading> {
    return this.#read([kind, '']);
  }

  async commit({ epoch, expect, expectAll, put = [], remove = [], lease, news }: Change): Promise<boolean> {
    const expected = expect.map(({ kind, name, revision }) => ({ kind, name, revision }));
    const removed = remove.map(({ kind, name }) => ({ kind, name }));
    const change = JSON.stringify({ epoch, expect: expected, expectAll, put, remove: removed, lease });
    return (await this.#ask(() => this.#client.commit(this.#keys, [change, ...this.#messages(news)]))) === 1;
  }

  async renew(id: string, instance: string): Promise<Reading | undefined> {
    const args = [id, instance, ...this.#messages([{ kind: 'server', name: id }])];
    const answer = await this.#ask(() => this.#client.renew(this.#keys, args));
    return answer === null ? undefined : decode(answer);
  }

  watch(listener: (news: News) => void, server?: string): Watch {
    return this.#news.watch(listener, server);
  }

  async close(): Promise<void> {
    this.#news.close();
    this.#client.close();
  }

  async #read(wanted: readonly string[]): Promise<Reading> {
    return decode(await this.#ask(() => this.#client.read(this.#keys, [randomUUID(), ...wanted])));
  }

  #messages(news: readonly News[]): string[] {
    return news.flatMap((item) => this.#channels.of(item).flatMap((channel) => [channel, JSON.stringify(item)]));
  }

  async #ask(command: () => Promise<unknown>): Promise<unknown> {
    try {
      return await command();
    } catch (error) {
      throw new SluiceError('unavailable', `the registry in Redis does not answer: ${this.#news.reason ?? (error as Error).message}`);
    }
  }
}

function decode(answer: unknown): Reading {
  const [epoch, generation, rows] = reading.parse(answer);
  return { epoch, generation, documents: rows.map(([kind, name, text, remaining]) => storedOf(kind, name, text, remaining)) };
}

function storedOf(kind: Kind, name: string, framed: string, remaining: string): Stored {
  const [, revision = '0', text = framed] = /^(\d+)\|(.*)$/s.exec(framed) ?? [];
  const stored = { kind, name, revision: Number(revision), text };
  return remaining === '' ? stored : { ...stored, leaseRemaining: Number(remaining) };
}
