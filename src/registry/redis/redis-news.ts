import { randomUUID } from 'node:crypto';
import { type Clock, jittered, type Random, type Timer } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import { type News, news as newsSchema } from '../../model/news.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import type { Link, Watch } from '../contract.ts';
import { namesCause, OutageReason } from '../outage-reason.ts';
import type { NewsChannels } from './news-channels.ts';
import type { RedisClient, RedisCommands, RedisSubscriber } from './redis-client.ts';
import { describeOutage } from './redis-refusal.ts';

const beatEveryMs = 2000;
const beatTimeoutMs = 2000;

interface Listening {
  readonly tell: (news: News) => void;
  readonly channels: readonly string[];
  readonly settle: () => void;
}

/**
 * News by Redis' publish and subscribe, on a connection that is checked all the time by a heartbeat: a message published on a
 * private channel must come back. This detects a peer that hangs, a half-open connection, and a subscription that was lost silently.
 * After every loss it connects and subscribes again, and all listeners get `resync`.
 */
export class RedisNews {
  readonly #client: RedisClient;
  readonly #commands: RedisCommands;
  readonly #channels: NewsChannels;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #onUp: () => void;
  readonly #listening = new Set<Listening>();
  readonly #beatChannel: string;
  /** Resolves when the first attempt to connect has succeeded or failed. */
  readonly firstTry: Promise<void>;
  #settleFirst = () => {};
  #link: Link;
  #subscriber: RedisSubscriber | undefined;
  #subscribed = false;
  #beat: { text: string; failed: Timer } | undefined;
  #next: Timer | undefined;
  #attempt = 0;
  #everUp = false;
  readonly #outage: OutageReason;
  #closed = false;

  /** @param parts.onUp called after each connect */
  constructor(parts: {
    client: RedisClient;
    prefix: string;
    channels: NewsChannels;
    clock: Clock;
    random: Random;
    logger: Log;
    onUp: () => void;
  }) {
    this.#client = parts.client;
    this.#commands = parts.client.commands;
    this.#channels = parts.channels;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#log = parts.logger;
    this.#outage = new OutageReason(parts.logger, 'the registry in Redis cannot be reached; trying again');
    this.#onUp = parts.onUp;
    this.#beatChannel = `${parts.prefix}:beat:${randomUUID()}`;
    this.#link = { up: false, since: parts.clock.now() };
    this.firstTry = new Promise((resolve) => {
      this.#settleFirst = resolve;
    });
    // Without waiting for the next heartbeat: when commands cannot be sent, the link is down.
    this.#commands.onClose(() => this.#link.up && this.#subscriber && this.#lost(this.#subscriber, new Error('the connection was closed')));
    this.#connect();
  }

  get link(): Link {
    const reason = this.#outage.text;
    return reason === undefined ? this.#link : { ...this.#link, reason };
  }

  watch(tell: (news: News) => void, server: string | undefined): Watch {
    let settle = () => {};
    const ready = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const entry = { tell, channels: this.#channels.for(server), settle };
    this.#listening.add(entry);
    const subscriber = this.#subscriber;
    if (subscriber && this.#subscribed) {
      subscriber.subscribe(entry.channels).then(settle, (error: Error) => this.#lost(subscriber, error));
    }
    return { ready, close: () => this.#remove(entry) };
  }

  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.#beat?.failed.cancel();
    this.#subscriber?.close();
    this.#subscriber = undefined;
    for (const { settle } of this.#listening) settle();
    this.#listening.clear();
    this.#settleFirst();
  }

  #connect(): void {
    const subscriber = this.#client.subscriber(
      (channel, message) => this.#receive(subscriber, channel, message),
      (error) => this.#lost(subscriber, error ?? new Error('the connection was closed')),
    );
    this.#subscriber = subscriber;
    Promise.all([subscriber.connect(), this.#commands.ready()])
      .then(async () => {
        await subscriber.subscribe([this.#beatChannel]);
        const listening = [...this.#listening];
        this.#subscribed = true;
        const channels = new Set(listening.flatMap((entry) => entry.channels));
        if (channels.size > 0) await subscriber.subscribe([...channels]);
        for (const { settle } of listening) settle();
        this.#sendBeat(subscriber);
      })
      .catch((error: Error) => this.#lost(subscriber, error));
  }

  #sendBeat(subscriber: RedisSubscriber): void {
    if (subscriber !== this.#subscriber) return;
    const text = randomUUID();
    // Either of the two connections may be the broken one, and either timeout may end first: both connect again.
    const missed = (error: Error) => {
      if (subscriber !== this.#subscriber) return;
      this.#commands.reconnect();
      this.#lost(subscriber, error);
    };
    const failed = this.#clock.after(beatTimeoutMs, () => missed(new Error(`nothing was heard for ${beatTimeoutMs} ms`)));
    this.#beat = { text, failed };
    // A ReplyError is an answer from Redis: the command connection works.
    this.#commands
      .publish(this.#beatChannel, text)
      .catch((error: Error) => (error.name === 'ReplyError' ? this.#lost(subscriber, error) : missed(error)));
  }

  #receive(subscriber: RedisSubscriber, channel: string, message: string): void {
    if (subscriber !== this.#subscriber) return;
    if (channel !== this.#beatChannel) this.#tell(channel, message);
    else if (message === this.#beat?.text) this.#beatCameBack(subscriber, this.#beat.failed);
  }

  #beatCameBack(subscriber: RedisSubscriber, failed: Timer): void {
    failed.cancel();
    this.#next = this.#clock.after(jittered(beatEveryMs, this.#random), () => this.#sendBeat(subscriber));
    if (!this.#link.up) this.#isUp();
  }

  #isUp(): void {
    this.#attempt = 0;
    this.#outage.ended();
    this.#link = { up: true, since: this.#clock.now() };
    this.#settleFirst();
    this.#log.info({ resync: this.#everUp }, 'connected to the registry in Redis');
    this.#onUp();
    if (this.#everUp) for (const { tell } of [...this.#listening]) tell({ kind: 'resync' });
    this.#everUp = true;
  }

  #lost(subscriber: RedisSubscriber, error: Error): void {
    if (subscriber !== this.#subscriber || this.#closed) return;
    this.#subscriber = undefined;
    this.#subscribed = false;
    this.#beat?.failed.cancel();
    this.#next?.cancel();
    subscriber.close();
    this.#outage.note(describeOutage(error), error.name === 'ReplyError' || namesCause(error));
    if (this.#link.up) this.#link = { up: false, since: this.#clock.now() };
    this.#settleFirst();
    this.#next = this.#clock.after(retryDelay(this.#attempt++, this.#random), () => this.#connect());
  }

  #tell(channel: string, message: string): void {
    const news = decode(message);
    if (!news) {
      this.#log.warn({ channel }, 'a message on a Redis channel is not news of Sluice and is ignored');
      return;
    }
    for (const { tell, channels } of [...this.#listening]) if (channels.includes(channel)) tell(news);
  }

  #remove(entry: Listening): void {
    if (!this.#listening.delete(entry)) return;
    entry.settle();
    for (const channel of entry.channels) {
      const needed = [...this.#listening].some(({ channels }) => channels.includes(channel));
      // If this fails, messages arrive that have no listener: no harm.
      if (!needed && this.#subscribed) this.#subscriber?.unsubscribe(channel).catch(() => {});
    }
  }
}

function decode(message: string): News | undefined {
  try {
    return newsSchema.safeParse(JSON.parse(message)).data;
  } catch {
    return undefined;
  }
}
