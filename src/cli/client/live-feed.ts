import { WebSocket } from 'ws';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Clock, Random, Timer } from '../../model/clock.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import { Failure } from '../failure.ts';
import { type ControlClient, Unreachable } from './control-client.ts';

const connectTimeoutMs = 10_000;
/** The balancer speaks every second; one that says nothing for this long is gone, as after a cut cable. */
const silenceMs = 15_000;
/** Of a message: thousands of servers, each with thousands of projects. */
const maxBytes = 64 * 1024 * 1024;

/** Who is told what the live feed says. */
export interface FeedListener {
  opened(): void;
  heard(message: FeedMessage): void;
  /** The connection is gone; another is tried. */
  lost(reason: string): void;
  /** It is no use to try again. */
  failed(failure: Failure): void;
}

/** Reads `/v1/events`, and connects again whenever that ends. */
export class LiveFeed {
  readonly #client: ControlClient;
  readonly #listener: FeedListener;
  readonly #clock: Clock;
  readonly #random: Random;
  #socket: WebSocket | undefined;
  #timer: Timer | undefined;
  #attempt = 0;

  constructor(client: ControlClient, listener: FeedListener, clock: Clock, random: Random) {
    this.#client = client;
    this.#listener = listener;
    this.#clock = clock;
    this.#random = random;
    this.#connect();
  }

  close(): void {
    this.#timer?.cancel();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  #connect(): void {
    const url = `${this.#client.url.replace(/^http/, 'ws')}/v1/events`;
    const socket = new WebSocket(url, {
      headers: { ...this.#client.credentials },
      handshakeTimeout: connectTimeoutMs,
      maxPayload: maxBytes,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    let reason = 'the connection was closed';
    const current = () => this.#socket === socket;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = reasonOf(error);
    });
    socket.on('open', () => {
      if (!current()) return;
      this.#attempt = 0;
      this.#watch(socket);
      this.#listener.opened();
    });
    socket.on('message', (data) => {
      if (!current()) return;
      this.#watch(socket);
      const message = decode(String(data));
      if (message) this.#listener.heard(message);
    });
    socket.on('close', () => {
      if (current()) void this.#retry(reason);
    });
  }

  #watch(socket: WebSocket): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(silenceMs, () => socket.terminate());
  }

  /** Whether trying again is of any use is asked by an ordinary request: its answers are well understood. */
  async #retry(reason: string): Promise<void> {
    this.#timer?.cancel();
    const socket = this.#socket;
    this.#listener.lost(reason);
    try {
      await this.#client.get('/v1/environments');
    } catch (error) {
      if (error instanceof Failure && !(error instanceof Unreachable)) {
        this.close();
        this.#listener.failed(error);
        return;
      }
    }
    // Closed while it asked.
    if (this.#socket !== socket) return;
    this.#timer = this.#clock.after(retryDelay(this.#attempt++, this.#random), () => this.#connect());
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  const [, status] = /server response: (\d+)/.exec(message) ?? [];
  if (status === undefined) return code ?? message;
  return status === '503' ? 'as many live feeds are open as may be' : `it answers with status ${status}`;
}

/** Undefined for what is no message at all; kinds that this program does not know are for the listener to pass over. */
function decode(text: string): FeedMessage | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null && 'type' in message ? (message as FeedMessage) : undefined;
  } catch {
    return undefined;
  }
}
