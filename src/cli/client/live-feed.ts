import { WebSocket } from 'ws';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Clock, Random, Timer } from '../../model/clock.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ControlClient, mayPass } from './control-client.ts';

const connectTimeoutMs = 10_000;
/** The balancer sends a message every second; after this long without one the connection counts as broken (a cut cable, for example). */
const silenceMs = 15_000;
/** Limit for one message: room for thousands of servers with thousands of projects each. */
const maxBytes = 64 * 1024 * 1024;

/** Callbacks of a {@link LiveFeed}. */
export interface FeedListener {
  opened(): void;
  heard(message: FeedMessage): void;
  /** The connection was lost; the feed reconnects. */
  lost(reason: string): void;
  /** The feed has given up: reconnecting cannot help, because the balancer refuses this client. */
  failed(failure: CommandFailure): void;
}

/** Reads `/v1/events`, and reconnects after every loss. */
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
      ...(this.#client.ca !== undefined && { ca: this.#client.ca }),
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

  /** Reconnects after a delay, unless an ordinary request shows that the balancer refuses this client (a wrong token, for example). */
  async #retry(reason: string): Promise<void> {
    this.#timer?.cancel();
    const socket = this.#socket;
    this.#listener.lost(reason);
    try {
      await this.#client.get('/v1/environments');
    } catch (error) {
      if (error instanceof CommandFailure && !mayPass(error)) {
        this.close();
        this.#listener.failed(error);
        return;
      }
    }
    // The feed was closed during the request.
    if (this.#socket !== socket) return;
    this.#timer = this.#clock.after(retryDelay(this.#attempt++, this.#random), () => this.#connect());
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  const [, status] = /server response: (\d+)/.exec(message) ?? [];
  if (status === undefined) return code ?? message;
  return status === '503' ? 'it has reached its limit of open live feeds' : `it answers with status ${status}`;
}

/** Undefined for malformed text. A message of an unknown type, from a newer balancer, is passed on; the listener ignores it. */
function decode(text: string): FeedMessage | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null && 'type' in message ? (message as FeedMessage) : undefined;
  } catch {
    return undefined;
  }
}
