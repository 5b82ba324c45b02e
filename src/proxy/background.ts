import type net from 'node:net';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import type { Wire } from '../http1/connection/wire.ts';
import type { RequestView } from '../http1/message/message-view.ts';
import { RequestHead } from '../http1/message/request-head.ts';
import { parseRequestHead } from '../http1/message/request-parser.ts';
import type { ExchangeClient } from './exchange-client.ts';
import { ExchangeCounter } from './exchange-counter.ts';
import type { ExchangeOwner } from './exchange-owner.ts';

/** Exchanges without client that may be under way in this process at a time. */
const most = 1000;
/** Longest duration of one in milliseconds. */
const limitMs = 60_000;

let active = 0;

/** Room for another exchange without client. */
export function hasRoom(): boolean {
  return active < most;
}

/** Takes what is sent to it, and keeps nothing of it. */
const nowhere = { send: () => false, writableNeedDrain: false, ending: false, destroyed: false } as unknown as Wire;

/** A client in the place of the one that has asked: its request is complete, and it reads everything at once. */
export function absentClient({ peer, secured, proof, announced, wire }: ExchangeClient): ExchangeClient {
  const { remoteAddress: source = '', remotePort: sourcePort = 0, localAddress: destination = '', localPort: destinationPort = 0 } = wire;
  return {
    wire: nowhere,
    peer,
    secured,
    proof,
    announced: announced ?? { source, sourcePort, destination, destinationPort },
    bodyComplete: true,
    bodyNearEnd: true,
    trailers: () => '',
    pause() {},
    resume() {},
    awaitDrain() {},
    finish() {},
    destroy() {},
    release(): { socket: net.Socket; after: Buffer } {
      throw new Error('an exchange without client cannot switch protocols');
    },
  };
}

/** Owner of one exchange without client: it is counted nowhere but here, and ends after a minute at the latest. */
export class BackgroundOwner implements ExchangeOwner, Watched {
  deadline = processDeadlines.in(limitMs);
  readonly configured: string;
  readonly proxies: ExchangeOwner['proxies'];
  readonly lameDuck = false;
  readonly closing = false;
  readonly counter = new ExchangeCounter();
  readonly #listener: ExchangeOwner;
  #end: (() => void) | undefined;

  constructor(listener: ExchangeOwner) {
    this.#listener = listener;
    this.configured = listener.configured;
    this.proxies = listener.proxies;
  }

  /** @param end ends the exchange */
  begin(end: () => void): void {
    active++;
    this.#end = end;
    processDeadlines.watch(this);
  }

  expire(): void {
    this.#end?.();
  }

  crashed(error: unknown): void {
    this.#listener.fault(error, '');
  }

  fault(error: unknown, requestId: string): void {
    this.#listener.fault(error, requestId);
  }

  left(): void {
    if (this.#end === undefined) return;
    this.#end = undefined;
    active--;
    processDeadlines.unwatch(this);
  }

  tunnelOpened(): void {}

  log(): void {}
}

/** Fields of a request with a body. */
const aboutBody: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-type', 'expect', 'trailer', 'host']);

/** Head of the same request without a body, with the edits that policies have made; undefined: it would not be valid. */
export function copiedHead({ method, target, authority, headers }: RequestView, secure: boolean): RequestHead | undefined {
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  for (const [name, value] of headers.entries()) if (!aboutBody.has(name.toLowerCase())) text += `${name}: ${value}\r\n`;
  const octets = Buffer.from(`${text}\r\n`, 'latin1');
  const head = new RequestHead();
  const limits = { headBytes: octets.length, targetBytes: octets.length, fields: head.fields.capacity, secure };
  return parseRequestHead(head, octets, 0, octets.length, limits) > 0 ? head : undefined;
}
