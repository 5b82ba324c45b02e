import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import { type PackedSample, packSample, type Sample } from '../../api/sample.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import { jsonPieces } from '../../model/json-pieces.ts';
import { octetsOf } from '../../model/octet-blocks.ts';
import { inTurns } from '../../model/pieces.ts';
import { controlTurns } from '../../model/turns.ts';
import type { Identify } from '../access/identify.ts';
import type { Journal } from './journal.ts';
import type { Observer } from './observer.ts';

const checkEveryMs = 1000;
const pingEverySeconds = 10;
/** Seconds without a pong after which a reader counts as gone. */
const pongTimeoutSeconds = 30;
/** Unsent bytes above which a slow reader gets no traffic messages: the next one replaces them anyway. */
const slowBytes = 256 * 1024;
/** Unsent bytes, beyond the first messages, above which a reader is disconnected: it gets the whole state again when it reconnects. */
const tooSlowBytes = 4 * slowBytes;

/** Maximum number of readers at a time; more are refused. */
export const maxReaders = 64;

interface Reader {
  readonly socket: WebSocket;
  /** The upgrade request; its token or session is checked again every second, so that signing out ends the feed. */
  readonly request: IncomingMessage;
  /** True once the first messages were sent: others follow only then. */
  greeted: boolean;
  /** Bytes of the first messages. */
  welcomeBytes: number;
  secondsSincePong: number;
}

interface FeedOptions {
  readonly clock: Clock;
  readonly version: string;
  readonly observer: Observer;
  readonly journal: Journal;
  readonly identify: Identify;
  /** Returns the end of the request's session (wall clock, milliseconds), if it has one. */
  sessionEnds(request: IncomingMessage): number | undefined;
}

/** Serves `/v1/events`: a new reader first gets the current state and the journal, then every message as it happens. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #instance = randomUUID();
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  readonly #readers = new Set<Reader>();
  /** The servers that new readers were last told, and the text of that. */
  #greeting: { readonly servers: readonly ServerAnswer[]; readonly text: Promise<Buffer> } | undefined;
  #history: { readonly happenings: readonly Happening[]; readonly text: Buffer } | undefined;
  readonly #samples = new WeakMap<Sample, PackedSample>();
  #timer: Timer | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    options.observer.subscribe((message) => this.#broadcast(message));
    this.#schedule();
  }

  /** True at {@link maxReaders}. */
  get full(): boolean {
    return this.#readers.size >= maxReaders;
  }

  /** Takes over an upgrade request that has been authenticated. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#welcome(opened, request));
  }

  /** Closes all readers (1001, going away), by force after `graceMs`; resolves when all are closed. */
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
    const reader: Reader = { socket, request, greeted: false, welcomeBytes: 0, secondsSincePong: 0 };
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      reader.secondsSincePong = 0;
    });
    socket.on('close', () => {
      this.#readers.delete(reader);
      observer.attended = this.#readers.size > 0;
    });
    this.#readers.add(reader);
    observer.attended = true;
    void this.#greet(reader);
  }

  /** Sends the first messages. The list of servers, which may be long, is made before; from then on, each change comes as a message. */
  async #greet(reader: Reader): Promise<void> {
    const { observer } = this.#options;
    let servers: readonly ServerAnswer[] | undefined;
    let text: Buffer | undefined;
    do {
      servers = observer.servers;
      if (servers === undefined) break;
      text = await this.#textOf(servers);
      // One reader in a turn, although all wait for the same text.
      await controlTurns.next();
    } while (observer.servers !== servers);
    if (reader.socket.readyState !== reader.socket.OPEN) return;
    const first = [...this.#firstMessages(reader.request)].map((message) => Buffer.from(JSON.stringify(message)));
    for (const message of [...first, this.#happeningsText(), ...(text === undefined ? [] : [text])]) {
      reader.welcomeBytes += message.length;
      reader.socket.send(message, { binary: false });
    }
    reader.greeted = true;
    observer.refresh();
  }

  /** The message with these servers, made once for all new readers. */
  #textOf(servers: readonly ServerAnswer[]): Promise<Buffer> {
    if (this.#greeting?.servers !== servers) {
      const message: FeedMessage = { type: 'servers', at: this.#options.clock.date(), servers };
      this.#greeting = { servers, text: inTurns(octetsOf(jsonPieces(message))) };
    }
    return this.#greeting.text;
  }

  /** The message with the journal, made once for all new readers until something happens. */
  #happeningsText(): Buffer {
    const { happenings } = this.#options.journal;
    if (this.#history?.happenings !== happenings) {
      const message: FeedMessage = { type: 'happenings', at: this.#options.clock.date(), happenings };
      this.#history = { happenings, text: Buffer.from(JSON.stringify(message)) };
    }
    return this.#history.text;
  }

  *#firstMessages(request: IncomingMessage): Generator<FeedMessage> {
    const { clock, version, observer, sessionEnds } = this.#options;
    const at = clock.date();
    const ends = sessionEnds(request);
    yield {
      type: 'welcome',
      at,
      instance: this.#instance,
      version,
      registry: observer.registryLink.up,
      ...(observer.registryLink.refuses !== undefined && { refuses: observer.registryLink.refuses }),
      ...(ends !== undefined && { sessionEnds: ends }),
    };
    for (const [environment, { samples }] of observer.traffic.environments) {
      yield { type: 'history', at, environment, samples: samples.map((sample) => [sample.at, this.#packed(sample)] as const) };
    }
  }

  #packed(sample: Sample): PackedSample {
    const packed = this.#samples.get(sample) ?? packSample(sample);
    this.#samples.set(sample, packed);
    return packed;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(checkEveryMs, () => {
      this.#schedule();
      for (const reader of this.#readers) this.#check(reader);
    });
  }

  #check(reader: Reader): void {
    if (this.#options.identify(reader.request) !== 'admin') reader.socket.close(1008, 'signed out');
    else if (++reader.secondsSincePong > pongTimeoutSeconds) reader.socket.terminate();
    else if (reader.secondsSincePong % pingEverySeconds === 0) reader.socket.ping();
  }

  #broadcast(message: FeedMessage): void {
    let text: string | undefined;
    for (const { socket, welcomeBytes, greeted } of this.#readers) {
      if (!greeted) continue;
      if (socket.bufferedAmount > tooSlowBytes + welcomeBytes) {
        socket.close(1013, 'too slow: connect again');
        // A reader this slow may never read the close frame.
        socket.terminate();
      } else if (message.type !== 'traffic' || socket.bufferedAmount <= slowBytes) {
        text ??= JSON.stringify(message);
        socket.send(text);
      }
    }
  }
}
