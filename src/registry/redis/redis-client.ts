import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import type { Random } from '../../model/clock.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import { commitScript, keyNames, readScript, renewScript } from './redis-scripts.ts';
import type { RedisPlace } from './redis-url.ts';

/** What is asked of Redis. Every call fails within seconds when Redis is away: nothing waits for its return. */
export interface RedisCommands {
  read(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  commit(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  renew(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  /** Settles when commands can be sent; rejects if the present try to connect fails. */
  ready(): Promise<void>;
  /** Called whenever the connection has gone. */
  onClose(listener: () => void): void;
  onError(listener: (error: Error) => void): void;
  /** Gives the present connection up, if there is one, and makes another. */
  reconnect(): void;
  close(): void;
}

/** One connection that hears messages; it doesn't come back when it has ended. */
export interface RedisSubscriber {
  connect(): Promise<void>;
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

const answerTimeoutMs = 2000;
const slowestRetryMs = 2000;

/** Makes connections to one Redis, whichever way it is run. */
export class RedisClient {
  readonly #place: RedisPlace;
  readonly #random: Random;
  readonly #client: Redis | Cluster;

  constructor(place: RedisPlace, random: Random) {
    this.#place = place;
    this.#random = random;
    this.#client = place.mode === 'cluster' ? this.#cluster() : new Redis({ ...this.#options(), ...this.#retrying() });
  }

  get commands(): RedisCommands {
    const client = this.#client;
    const scripts = client as unknown as Record<'sluiceRead' | 'sluiceCommit' | 'sluiceRenew', (...args: string[]) => Promise<unknown>>;
    return {
      read: (keys, args) => scripts.sluiceRead(...keys, ...args),
      commit: (keys, args) => scripts.sluiceCommit(...keys, ...args),
      renew: (keys, args) => scripts.sluiceRenew(...keys, ...args),
      publish: (channel, message) => client.publish(channel, message),
      ready: () => readiness(client),
      onClose: (listener) => client.on('close', listener),
      onError: (listener) => client.on('error', listener),
      // While one is being made ioredis would take it for the end: with Sentinels, for good.
      reconnect: () => client.status === 'ready' && client.disconnect(true),
      close: () => client.disconnect(),
    };
  }

  subscriber(onMessage: (channel: string, message: string) => void, onEnd: (error?: Error) => void): RedisSubscriber {
    const client = new Redis({ ...this.#options(), ...this.#nodeOptions(), lazyConnect: true, retryStrategy: null });
    let last: Error | undefined;
    client.on('error', (error: Error) => {
      last = error;
    });
    client.on('message', onMessage);
    client.once('end', () => onEnd(last));
    return {
      connect: () => client.connect(),
      subscribe: (channels) => client.subscribe(...channels),
      unsubscribe: (channel) => client.unsubscribe(channel),
      close: () => client.disconnect(),
    };
  }

  #cluster(): Cluster {
    const { host: _, port: __, ...node } = this.#options();
    return new Cluster([...this.#place.nodes], {
      clusterRetryStrategy: (times) => retryDelay(times - 1, this.#random),
      enableOfflineQueue: false,
      redisOptions: node as Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>,
      slotsRefreshTimeout: answerTimeoutMs,
      scripts: this.#retrying().scripts,
    });
  }

  /** For a cluster, any node that is known: all of them pass on what is published anywhere. */
  #nodeOptions(): { host?: string; port?: number } {
    if (!(this.#client instanceof Cluster)) return {};
    const known = this.#client.nodes('all').map(({ options: { host = '', port = 0 } }) => ({ host, port }));
    const nodes = known.length > 0 ? known : this.#place.nodes;
    return nodes[Math.floor(this.#random() * nodes.length)] ?? {};
  }

  #options(): Omit<RedisOptions, 'replyMapping'> {
    const { mode, nodes, tls, db, username, password, master, sentinelPassword } = this.#place;
    return {
      ...(mode === 'single' ? nodes[0] : {}),
      ...(mode === 'sentinel' ? { sentinels: [...nodes], name: master, enableTLSForSentinelMode: tls, sentinelPassword } : {}),
      ...(mode === 'cluster' ? {} : { db }),
      ...(tls ? { tls: {} } : {}),
      username,
      password,
      connectionName: 'sluice',
      commandTimeout: answerTimeoutMs,
      sentinelCommandTimeout: answerTimeoutMs,
      connectTimeout: answerTimeoutMs,
      disconnectTimeout: 200,
      maxLoadingRetryTime: slowestRetryMs,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      sentinelRetryStrategy: () => null,
      // After a failover the old master takes no changes any more: ask who is the master now.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    };
  }

  #retrying() {
    const numberOfKeys = keyNames.length;
    return {
      retryStrategy: (times: number) => retryDelay(times - 1, this.#random),
      sentinelRetryStrategy: (times: number) => retryDelay(times - 1, this.#random),
      scripts: {
        sluiceRead: { lua: readScript, numberOfKeys },
        sluiceCommit: { lua: commitScript, numberOfKeys },
        sluiceRenew: { lua: renewScript, numberOfKeys },
      },
    };
  }
}

function readiness(client: Redis | Cluster): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const failed = () => {
      client.off('ready', succeeded);
      reject(new Error('the connection was closed'));
    };
    const succeeded = () => {
      client.off('close', failed);
      resolve();
    };
    client.once('ready', succeeded);
    client.once('close', failed);
  });
}
