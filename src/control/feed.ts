import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Timer } from '../model/clock.ts';
import type { News, Watch } from '../registry/contract.ts';
import type { ServerAnswer } from './answers.ts';
import type { ControlContext } from './app.ts';
import { compareServers, type FeedMessage } from './feed-messages.ts';
import { listServers } from './server-view.ts';

const lookEveryMs = 1000;
/** A reader this many seconds without a pong is gone. */
const silentLooks = 30;
/** Above this, a slow reader misses traffic figures: the next ones replace them. */
const fullBytes = 256 * 1024;
/** Above this, it is sent away: it reads everything anew when it comes back. */
const overfullBytes = 4 * fullBytes;

/** Readers at a time; more are refused. */
export const maxReaders = 64;

interface Reader {
  readonly socket: WebSocket;
  looksSincePong: number;
}

/**
 * `/v1/events`: what happens, as it happens. Once a second, and whenever the registry has news, the servers are looked at; what
 * differs from the last look is told. Without readers nothing is looked at.
 */
export class Feed {
  readonly #context: ControlContext;
  readonly #logger: Logger;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  readonly #readers = new Set<Reader>();
  #known: readonly ServerAnswer[] | undefined;
  #timer: Timer | undefined;
  #watch: Watch | undefined;
  #looking = false;
  #lookAgain = false;

  constructor(context: ControlContext, logger: Logger) {
    this.#context = context;
    this.#logger = logger;
  }

  get full(): boolean {
    return this.#readers.size >= maxReaders;
  }

  /** Takes over an upgrade that was let in. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#welcome(opened));
  }

  /** Sends every reader away (1001, going away); settles when all are gone, at the latest after `graceMs`. */
  async close(graceMs = 1000): Promise<void> {
    this.#rest();
    const gone = [...this.#readers].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of this.#readers) socket.close(1001, 'the balancer is stopping');
    const late = this.#context.clock.after(graceMs, () => {
      for (const { socket } of this.#readers) socket.terminate();
    });
    await Promise.all(gone);
    late.cancel();
  }

  #welcome(socket: WebSocket): void {
    const reader = { socket, looksSincePong: 0 };
    this.#readers.add(reader);
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      reader.looksSincePong = 0;
    });
    socket.on('close', () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) this.#rest();
    });
    if (this.#known)
      socket.send(JSON.stringify({ type: 'servers', at: this.#context.clock.date(), servers: this.#known } satisfies FeedMessage));
    if (this.#watch === undefined) {
      this.#watch = this.#context.registry.watch((news) => this.#hear(news));
      // Told again by the watch itself after it has reconnected.
      this.#watch.ready.catch((error) => this.#logger.warn({ err: error }, 'live feed: the registry cannot be watched at present'));
      this.#schedule();
    }
    void this.#look();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#watch?.close();
    this.#watch = undefined;
    this.#known = undefined;
  }

  #schedule(): void {
    this.#timer = this.#context.clock.after(lookEveryMs, () => {
      this.#schedule();
      this.#check();
      this.#tell({ type: 'traffic', at: this.#context.clock.date(), servers: this.#context.live.servers() });
      void this.#look();
    });
  }

  #check(): void {
    for (const reader of this.#readers) {
      if (++reader.looksSincePong > silentLooks) reader.socket.terminate();
      else if (reader.looksSincePong % 10 === 0) reader.socket.ping();
    }
  }

  #hear(news: News): void {
    const at = this.#context.clock.date();
    switch (news.kind) {
      case 'snapshot':
        this.#tell({ type: 'deployment', at, environment: news.name, version: news.version });
        break;
      case 'environment':
      case 'project':
        this.#tell({ type: news.kind, at, name: news.name });
        break;
      case 'resync':
        this.#tell({ type: 'resync', at });
        break;
      case 'server':
        break;
      default:
        news satisfies never;
    }
    void this.#look();
  }

  /** One look at a time; whatever comes up during a look leads to one more. */
  async #look(): Promise<void> {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#lookAgain) {
      this.#lookAgain = false;
      await this.#compare();
    }
    this.#looking = false;
  }

  async #compare(): Promise<void> {
    const { registry, live, clock } = this.#context;
    try {
      const servers = await listServers(registry, live, clock.date());
      if (this.#readers.size === 0) return;
      for (const message of compareServers(this.#known, servers, clock.date())) this.#tell(message);
      this.#known = servers;
    } catch (error) {
      this.#logger.debug({ err: error }, 'live feed: the servers cannot be read at present');
    }
  }

  #tell(message: FeedMessage): void {
    let text: string | undefined;
    for (const { socket } of this.#readers) {
      if (socket.bufferedAmount > overfullBytes) {
        socket.close(1013, 'too slow: connect again');
        // It may never read the close frame either.
        socket.terminate();
      } else if (message.type !== 'traffic' || socket.bufferedAmount <= fullBytes) {
        text ??= JSON.stringify(message);
        socket.send(text);
      }
    }
  }
}
