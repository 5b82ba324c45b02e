import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Timer } from '../model/clock.ts';
import type { News, Watch } from '../registry/contract.ts';
import type { Identify } from './access.ts';
import type { ServerAnswer } from './answers.ts';
import type { ControlContext } from './app.ts';
import { compareServers, type FeedMessage } from './feed-messages.ts';
import { listServers } from './server-view.ts';
import { Traffic } from './traffic.ts';

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
  /** What it came with: a session that ends ends the feed too. */
  readonly request: IncomingMessage;
  looksSincePong: number;
}

/**
 * `/v1/events`: what happens, as it happens. Once a second, and whenever the registry has news, the servers are looked at; what
 * differs from the last look is told. Without readers only the traffic of the last two minutes is kept, for the next one.
 */
export class Feed {
  readonly #context: ControlContext;
  readonly #logger: Logger;
  readonly #identify: Identify;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  readonly #readers = new Set<Reader>();
  readonly #traffic = new Traffic();
  #known: readonly ServerAnswer[] | undefined;
  #timer: Timer | undefined;
  #watch: Watch | undefined;
  #looking = false;
  #lookAgain = false;

  constructor(context: ControlContext, logger: Logger, identify: Identify) {
    this.#identify = identify;
    this.#context = context;
    this.#logger = logger;
    this.#schedule();
  }

  get full(): boolean {
    return this.#readers.size >= maxReaders;
  }

  /** Takes over an upgrade that was let in. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#welcome(opened, request));
  }

  /** Sends every reader away (1001, going away); settles when all are gone, at the latest after `graceMs`. */
  async close(graceMs = 1000): Promise<void> {
    this.#rest();
    this.#timer?.cancel();
    const gone = [...this.#readers].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of this.#readers) socket.close(1001, 'the balancer is stopping');
    const late = this.#context.clock.after(graceMs, () => {
      for (const { socket } of this.#readers) socket.terminate();
    });
    await Promise.all(gone);
    late.cancel();
  }

  #welcome(socket: WebSocket, request: IncomingMessage): void {
    const reader = { socket, request, looksSincePong: 0 };
    this.#readers.add(reader);
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      reader.looksSincePong = 0;
    });
    socket.on('close', () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) this.#rest();
    });
    socket.send(
      JSON.stringify({ type: 'history', at: this.#context.clock.date(), environments: this.#traffic.past } satisfies FeedMessage),
    );
    if (this.#known)
      socket.send(JSON.stringify({ type: 'servers', at: this.#context.clock.date(), servers: this.#known } satisfies FeedMessage));
    if (this.#watch === undefined) {
      this.#watch = this.#context.registry.watch((news) => this.#hear(news));
      // Told again by the watch itself after it has reconnected.
      this.#watch.ready.catch((error) => this.#logger.warn({ err: error }, 'live feed: the registry cannot be watched at present'));
    }
    void this.#look();
  }

  #rest(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#known = undefined;
  }

  #schedule(): void {
    this.#timer = this.#context.clock.after(lookEveryMs, () => {
      this.#schedule();
      const [at, servers] = [this.#context.clock.date(), this.#context.live.servers()];
      this.#traffic.take(at, servers);
      if (this.#readers.size === 0) return;
      this.#check();
      this.#tell({ type: 'traffic', at, servers });
      void this.#look();
    });
  }

  #check(): void {
    for (const reader of this.#readers) {
      if (this.#identify(reader.request) !== 'admin') reader.socket.close(1008, 'signed out');
      else if (++reader.looksSincePong > silentLooks) reader.socket.terminate();
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
