import { WebSocket } from 'ws';
import { processResolver } from '../../dns/resolver.ts';
import type { Clock, Random, Timer } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { News } from '../../model/news.ts';
import { retryDelay } from '../../model/retry-delay.ts';
import type { Link } from '../contract.ts';
import { namesCause, OutageReason } from '../outage-reason.ts';
import { type ClientFrame, decodeEndpointFrame, type EndpointFrame } from './frames.ts';
import { startHeartbeat } from './heartbeat.ts';
import { readRefusal } from './read-refusal.ts';

/** Limit for the TCP (and TLS) connection. */
const connectTimeoutMs = 3000;
/**
 * Limit for the answer to the upgrade request. It is long because of reconnect storms: a balancer that many gateways connect to at once
 * gets only slower if they give up and connect again.
 */
const upgradeTimeoutMs = 30_000;
const callTimeoutMs = 5000;
/** Least milliseconds between two attempts that {@link RemoteLink.hurry} brings forward. */
const hurryMs = 250;
/** Maximum number of concurrent calls; the endpoint refuses more. */
const maxCalls = 64;
const maxFrameBytes = 256 * 1024 * 1024;

type Call =
  | { readonly method: string; readonly params: unknown }
  | { readonly watch: { readonly server?: string; readonly callers: true; readonly purges: true } };

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: SluiceError) => void;
  readonly timer: Timer;
}

/** A WebSocket to a registration endpoint, which reconnects whenever it breaks, and the calls over it. */
export class RemoteLink {
  /** Resolves when the first attempt to connect has succeeded, failed or taken long. */
  readonly firstTry: Promise<void>;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ca: string | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #outage: OutageReason;
  readonly #onNews: (news: News) => void;
  readonly #onUp: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #settleFirst = () => {};
  #link: Link;
  #socket: WebSocket | undefined;
  #down: SluiceError;
  #calls = 0;
  #attempt = 0;
  /** Undefined while connected, or about to be. */
  #retry: Timer | undefined;
  #hurriedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(parts: {
    url: URL;
    token?: string;
    /** Authorities in PEM. */
    ca?: string;
    clock: Clock;
    random: Random;
    logger: Log;
    onNews: (news: News) => void;
    /** Called after each connect. */
    onUp: () => void;
  }) {
    this.#url = parts.url;
    this.#ca = parts.ca;
    this.#headers = parts.token === undefined ? {} : { authorization: `Bearer ${parts.token}` };
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#log = parts.logger;
    this.#outage = new OutageReason(parts.logger, "the balancer's registry cannot be reached; trying again");
    this.#onNews = parts.onNews;
    this.#onUp = parts.onUp;
    this.#link = { up: false, since: parts.clock.now() };
    this.#down = this.#unreachable('there was no connection yet');
    this.firstTry = new Promise((resolve) => {
      this.#settleFirst = resolve;
    });
    this.#connect();
  }

  get link(): Link {
    const reason = this.#outage.text;
    return reason === undefined ? this.#link : { ...this.#link, reason };
  }

  /** Sends a call and resolves to its result, unchecked. Rejects with `unavailable` if the answer takes too long or the connection is down. */
  send(request: Call): Promise<unknown> {
    const socket = this.#socket;
    if (!this.#link.up || socket?.readyState !== WebSocket.OPEN) return Promise.reject(this.#down);
    if (this.#waiting.size >= maxCalls) return Promise.reject(this.#unreachable(`${maxCalls} calls are waiting for their answers`));
    const call = this.#calls++;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(callTimeoutMs, () =>
        this.#settle(call)?.reject(this.#unreachable(`no answer within ${callTimeoutMs} ms`)),
      );
      this.#waiting.set(call, { resolve, reject, timer });
      socket.send(JSON.stringify({ call, ...request } satisfies ClientFrame));
    });
  }

  /** Brings the next attempt to connect forward, unless the one before was a moment ago. */
  hurry(): void {
    const now = this.#clock.now();
    if (this.#closed || this.#retry === undefined || now - this.#hurriedAt < hurryMs) return;
    this.#hurriedAt = now;
    this.#retry.cancel();
    this.#connectLater(retryDelay(0, this.#random));
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#socket?.close();
    this.#isDown(new SluiceError('unavailable', 'the registry is closed'));
  }

  #connect(): void {
    let connected = false;
    const { hostname, port } = this.#url;
    const { host: _, port: __, ...dial } = processResolver.dial(hostname.replace(/^\[|\]$/g, ''), Number(port), connectTimeoutMs);
    const socket = new WebSocket(this.#url, {
      ...dial,
      ...(this.#ca !== undefined && { ca: this.#ca }),
      headers: this.#headers,
      maxPayload: maxFrameBytes,
      perMessageDeflate: false,
      finishRequest(request) {
        request.once('socket', (under) => {
          under.once('connect', () => {
            connected = true;
          });
        });
        request.end();
      },
    });
    this.#socket = socket;
    let failure: Failure | undefined;
    const giveUp = (afterMs: number) => {
      failure ??= vague(this.#unreachable(`no ${connected ? 'answer' : 'connection'} within ${afterMs} ms`));
      socket.terminate();
    };
    let timeout = this.#clock.after(connectTimeoutMs, () => {
      if (connected) {
        this.#settleFirst();
        timeout = this.#clock.after(upgradeTimeoutMs - connectTimeoutMs, () => giveUp(upgradeTimeoutMs));
      } else giveUp(connectTimeoutMs);
    });
    socket.on('error', (error) => {
      failure ??= { error: this.#unreachable(error.message), telling: namesCause(error) };
    });
    socket.on('unexpected-response', (_request, response) => {
      void readRefusal(response).then((detail) => {
        failure = this.#refused(response.statusCode, detail);
        socket.terminate();
      });
    });
    socket.on('open', () => {
      timeout.cancel();
      this.#isUp(socket);
    });
    socket.on('message', (data, isBinary) => this.#receive(socket, isBinary ? '' : data.toString()));
    socket.on('close', (_code, reason) => {
      timeout.cancel();
      const told = reason.length > 0 ? telling(this.#unreachable(`the balancer closed the connection: ${reason}`)) : undefined;
      this.#lost(socket, failure ?? told ?? vague(this.#unreachable('the connection was closed')));
    });
  }

  #isUp(socket: WebSocket): void {
    if (this.#closed) {
      socket.close();
      return;
    }
    startHeartbeat(socket, this.#clock, this.#random);
    this.#attempt = 0;
    this.#outage.ended();
    this.#link = { up: true, since: this.#clock.now() };
    this.#settleFirst();
    this.#log.info({ balancer: this.#url.host }, "connected to the balancer's registry");
    this.#onUp();
  }

  #lost(socket: WebSocket, { error, telling }: Failure): void {
    if (socket !== this.#socket || this.#closed) return;
    this.#outage.note(error.message, telling);
    this.#isDown(error.message === this.#outage.text ? error : this.#down);
    this.#connectLater(retryDelay(this.#attempt++, this.#random));
  }

  #connectLater(delayMs: number): void {
    this.#retry = this.#clock.after(delayMs, () => {
      this.#retry = undefined;
      this.#connect();
    });
  }

  #isDown(error: SluiceError): void {
    this.#down = error;
    if (this.#link.up) this.#link = { up: false, since: this.#clock.now() };
    this.#settleFirst();
    for (const call of [...this.#waiting.keys()]) this.#settle(call)?.reject(error);
  }

  #receive(socket: WebSocket, text: string): void {
    const frame = decodeEndpointFrame(text);
    // Later frames need not wait for a long one: each answer is found by its number, and news is a hint.
    if (frame instanceof Promise) void frame.then((one) => this.#received(socket, one, text.length));
    else this.#received(socket, frame, text.length);
  }

  #received(socket: WebSocket, frame: EndpointFrame | undefined, length: number): void {
    if (!frame) {
      this.#log.warn({ balancer: this.#url.host, bytes: length }, 'the balancer sent a frame that is not understood; connecting again');
      socket.terminate();
    } else if ('news' in frame) this.#onNews(frame.news);
    else this.#answered(frame);
  }

  #answered(frame: Exclude<EndpointFrame, { news: News }>): void {
    const waiting = this.#settle(frame.call);
    if ('error' in frame) {
      const { code, message, faults } = frame.error;
      waiting?.reject(new SluiceError(code, message, { faults }));
    } else waiting?.resolve(frame.result);
  }

  #settle(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    waiting?.timer.cancel();
    return waiting;
  }

  /** The failure of an attempt that was answered with a status. */
  /** @param detail the reason that the balancer gave */
  #refused(status: number | undefined, detail: string | undefined): Failure {
    const { host } = this.#url;
    switch (status) {
      case 401: {
        const remedy = 'give its join token by --token or SLUICE_JOIN_TOKEN, or start it in the folder that has ./data/join.token';
        return telling(new SluiceError('unauthorized', `the balancer at ${host} refused the token (401): ${remedy}`));
      }
      case 429:
        return vague(this.#unreachable('it takes no token from this address for a moment (429), since too many wrong tokens came from it'));
      case 502:
      case 503:
      case 504:
        if (detail === undefined) return vague(this.#unreachable(`it answers with status ${status}`));
        return telling(new SluiceError('unavailable', `the balancer at ${host} refused the connection (${status}): ${detail}`));
      default: {
        const remedy = 'give the control address of a balancer (`control.listen`), not the address for clients';
        const what = `${host} answers with status ${status}, which is not that of a registration endpoint`;
        return telling(new SluiceError('unavailable', `${what}: ${remedy}`));
      }
    }
  }

  #unreachable(reason: string): SluiceError {
    return new SluiceError('unavailable', `the balancer at ${this.#url.host} does not answer: ${reason}`);
  }
}

/** Why an attempt to connect failed, and whether that names the cause. */
interface Failure {
  readonly error: SluiceError;
  readonly telling: boolean;
}

function telling(error: SluiceError): Failure {
  return { error, telling: true };
}

function vague(error: SluiceError): Failure {
  return { error, telling: false };
}
