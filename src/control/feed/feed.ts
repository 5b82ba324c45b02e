import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { packSample } from '../../api/series.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import type { Identify } from '../access/access.ts';
import type { Journal } from './journal.ts';
import type { Observer } from './observer.ts';

const checkEveryMs = 1000;
/** A reader this many seconds without a pong is gone. */
const silentSeconds = 30;
/** Above this, a slow reader misses traffic figures: the next ones replace them. */
const fullBytes = 256 * 1024;
/** Above this, and what it was told at first, it is sent away: it reads everything anew when it comes back. */
const overfullBytes = 4 * fullBytes;

/** Readers at a time; more are refused. */
export const maxReaders = 64;

interface Reader {
  readonly socket: WebSocket;
  /** What it came with: a session that ends ends the feed too. */
  readonly request: IncomingMessage;
  /** Bytes that it was told at first. */
  welcomeBytes: number;
  secondsSincePong: number;
}

interface FeedOptions {
  readonly clock: Clock;
  readonly version: string;
  readonly observer: Observer;
  readonly journal: Journal;
  readonly identify: Identify;
  /** When the session that a request shows ends (wall clock), if it shows one. */
  sessionEnds(request: IncomingMessage): number | undefined;
}

/** `/v1/events`: what happens, as it happens, to everybody who reads; a new reader is first told how things stand. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #instance = randomUUID();
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  readonly #readers = new Set<Reader>();
  #timer: Timer | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    options.observer.listen((message) => this.#tell(message));
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
    this.#timer?.cancel();
    const gone = [...this.#readers].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of this.#readers) socket.close(1001, 'the balancer is stopping');
    const late = this.#options.clock.after(graceMs, () => {
      for (const { socket } of this.#readers) socket.terminate();
    });
    await Promise.all(gone);
    late.cancel();
  }

  #welcome(socket: WebSocket, request: IncomingMessage): void {
    const { observer } = this.#options;
    const reader: Reader = { socket, request, welcomeBytes: 0, secondsSincePong: 0 };
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      reader.secondsSincePong = 0;
    });
    socket.on('close', () => {
      this.#readers.delete(reader);
      observer.attended = this.#readers.size > 0;
    });
    for (const message of this.#firstMessages(request)) {
      const text = JSON.stringify(message);
      reader.welcomeBytes += text.length;
      socket.send(text);
    }
    this.#readers.add(reader);
    observer.attended = true;
    observer.look();
  }

  *#firstMessages(request: IncomingMessage): Generator<FeedMessage> {
    const { clock, version, observer, journal, sessionEnds } = this.#options;
    const at = clock.date();
    const ends = sessionEnds(request);
    yield {
      type: 'welcome',
      at,
      instance: this.#instance,
      version,
      registry: observer.linked,
      ...(ends !== undefined && { sessionEnds: ends }),
    };
    for (const [environment, { samples }] of observer.traffic.environments) {
      yield { type: 'history', at, environment, samples: samples.map((sample) => [sample.at, packSample(sample)] as const) };
    }
    yield { type: 'happenings', at, happenings: journal.happenings };
    if (observer.servers) yield { type: 'servers', at, servers: observer.servers };
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(checkEveryMs, () => {
      this.#schedule();
      for (const reader of this.#readers) this.#check(reader);
    });
  }

  #check(reader: Reader): void {
    if (this.#options.identify(reader.request) !== 'admin') reader.socket.close(1008, 'signed out');
    else if (++reader.secondsSincePong > silentSeconds) reader.socket.terminate();
    else if (reader.secondsSincePong % 10 === 0) reader.socket.ping();
  }

  #tell(message: FeedMessage): void {
    let text: string | undefined;
    for (const { socket, welcomeBytes } of this.#readers) {
      if (socket.bufferedAmount > overfullBytes + welcomeBytes) {
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
