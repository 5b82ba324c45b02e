import { isIP } from 'node:net';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { processResolver } from '../../dns/resolver.ts';
import type { Clock, Random } from '../../model/clock.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import { FailoverSearch } from './failover-search.ts';
import { limitScript } from './limit-script.ts';
import { NamedConnector } from './named-connector.ts';
import { commitScript, keyNames, pieceScript, probeScript, readScript, renewScript } from './redis-scripts.ts';
import type { RedisLocation } from './redis-url.ts';

/** Commands that a registry sends to Redis. A call fails within seconds if Redis cannot be reached; no command is queued until it can. */
export interface RedisCommands {
  read(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Reads a part of a list. */
  piece(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  commit(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  renew(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  probe(keys: readonly string[]): Promise<unknown>;
  /** Answers asks about limits, each with a key of its own. */
  limit(keys: readonly string[], args: readonly string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  /** Text of the section `memory` of INFO; with a Cluster of one of its nodes. */
  memory(): Promise<string>;
  /** Resolves when commands can be sent; rejects if the current attempt to connect fails. */
  ready(): Promise<void>;
  /** Calls `listener` whenever the connection was closed. */
  onClose(listener: () => void): void;
  onError(listener: (error: Error) => void): void;
  /** Closes the current connection, if there is one, and connects again. */
  reconnect(): void;
  close(): void;
}

/** A connection for subscriptions. It does not reconnect by itself. */
export interface RedisSubscriber {
  connect(): Promise<void>;
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

const answerTimeoutMs = 2000;
const slowestRetryMs = 2000;

/** Connections to one Redis: a single server, or one behind Sentinel, or a Cluster. */
export class RedisClient {
  readonly #location: RedisLocation;
  readonly #random: Random;
  readonly #failover: FailoverSearch;
  readonly #client: Redis | Cluster;
  /** The wait for the current attempt: a Cluster's client may outlast several attempts of the subscriber. */
  #readying: Promise<void> | undefined;

  constructor(location: RedisLocation, { random, clock }: { random: Random; clock: Clock }) {
    this.#location = location;
    this.#random = random;
    this.#failover = new FailoverSearch(clock);
    this.#client = location.mode === 'cluster' ? this.#cluster() : new Redis({ ...this.#options(), ...this.#retrying() });
  }

  get commands(): RedisCommands {
    const client = this.#client;
    const scripts = client as unknown as Record<
      'sluiceRead' | 'sluicePiece' | 'sluiceCommit' | 'sluiceRenew' | 'sluiceProbe' | 'sluiceLimit',
      (...args: string[]) => Promise<unknown>
    >;
    return {
      read: (keys, args) => scripts.sluiceRead(...keys, ...args),
      piece: (keys, args) => scripts.sluicePiece(...keys, ...args),
      commit: (keys, args) => scripts.sluiceCommit(...keys, ...args),
      renew: (keys, args) => scripts.sluiceRenew(...keys, ...args),
      probe: (keys) => scripts.sluiceProbe(...keys),
      limit: (keys, args) => scripts.sluiceLimit(`${keys.length}`, ...keys, ...args),
      memory: () => client.info('memory'),
      publish: (channel, message) => client.publish(channel, message),
      ready: () => {
        this.#readying ??= readiness(client).finally(() => {
          this.#readying = undefined;
        });
        return this.#readying;
      },
      onClose: (listener) => client.on('close', listener),
      onError: (listener) => client.on('error', listener),
      // Only when connected: ioredis takes a disconnect during a connection attempt as final; with Sentinel it would never reconnect.
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
    return new Cluster([...this.#location.nodes], {
      clusterRetryStrategy: (times) => retryDelay(times - 1, this.#random),
      dnsLookup: (host, done) => {
        const { lookup } = processResolver.dial(host, 0, answerTimeoutMs);
        if (lookup === undefined) done(null, host, isIP(host));
        else lookup(host, {}, (error, address, family) => done(error, address as string, family as number));
      },
      enableOfflineQueue: false,
      redisOptions: node as Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>,
      slotsRefreshTimeout: answerTimeoutMs,
      scripts: this.#retrying().scripts,
    });
  }

  /** Host and port of a random known node of a Cluster: every node gets what is published at any node. */
  #nodeOptions(): { host?: string; port?: number } {
    if (!(this.#client instanceof Cluster)) return {};
    const known = this.#client.nodes('all').map(({ options: { host = '', port = 0 } }) => ({ host, port }));
    const nodes = known.length > 0 ? known : this.#location.nodes;
    return nodes[Math.floor(this.#random() * nodes.length)] ?? {};
  }

  #options(): Omit<RedisOptions, 'replyMapping'> {
    const { mode, nodes, tls, db, username, password, master, sentinelPassword } = this.#location;
    return {
      ...(mode === 'single' ? { ...nodes[0], Connector: NamedConnector } : {}),
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
      reconnectOnError: (error) => this.#failover.isDue(error),
    };
  }

  #retrying() {
    const numberOfKeys = keyNames.length;
    return {
      retryStrategy: (times: number) => retryDelay(times - 1, this.#random),
      sentinelRetryStrategy: (times: number) => retryDelay(times - 1, this.#random),
      scripts: {
        sluiceRead: { lua: readScript, numberOfKeys },
        sluicePiece: { lua: pieceScript, numberOfKeys },
        sluiceCommit: { lua: commitScript, numberOfKeys },
        sluiceRenew: { lua: renewScript, numberOfKeys },
        sluiceProbe: { lua: probeScript, numberOfKeys },
        sluiceLimit: { lua: limitScript },
      },
    };
  }
}

function readiness(client: Redis | Cluster): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let last: Error | undefined;
    const remember = (error: Error) => {
      last = error;
    };
    const failed = () => {
      client.off('ready', succeeded);
      client.off('error', remember);
      reject(last ?? new Error('the connection was closed'));
    };
    const succeeded = () => {
      client.off('close', failed);
      client.off('error', remember);
      resolve();
    };
    client.on('error', remember);
    client.once('ready', succeeded);
    client.once('close', failed);
  });
}
