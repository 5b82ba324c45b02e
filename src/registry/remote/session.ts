import type { WebSocket } from 'ws';
import { check } from '../../config/check.ts';
import { describeFault } from '../../config/refusal.ts';
import type { Access } from '../../model/access.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import { concerns, type News } from '../../model/news.ts';
import type { Registry } from '../contract.ts';
import { type ClientFrame, decodeClientFrame, type EndpointFrame, errorFrame } from './frames.ts';
import { isMethod, methods } from './methods.ts';

/** Maximum number of concurrent calls of a peer; more are refused. */
const maxCalls = 64;
/** Maximum number of unsent bytes for a slow peer; beyond it the connection is terminated. When the peer reconnects it reads everything again. */
const maxUnsentBytes = 64 * 1024 * 1024;
/** WebSocket close code: the peer violated the protocol's rules (RFC 6455 section 7.4.1). */
const policyViolation = 1008;

/** Connection of one peer to a registration endpoint, with the peer's access. */
export class Session {
  readonly #socket: WebSocket;
  readonly #registry: Registry;
  readonly #access: Access;
  readonly #log: Log;
  /** Resolves when the endpoint's own watch can no longer miss a change. */
  readonly #watching: Promise<void>;
  #calls = 0;
  /** The server that joined on this connection; a peer with the join token can read no other server. */
  #server: string | undefined;
  #watched: { readonly server: string | undefined } | undefined;

  constructor(parts: { socket: WebSocket; registry: Registry; access: Access; watching: Promise<void>; logger: Log }) {
    this.#socket = parts.socket;
    this.#registry = parts.registry;
    this.#access = parts.access;
    this.#watching = parts.watching;
    this.#log = parts.logger;
    this.#socket.on('message', (data, isBinary) => this.#receive(isBinary ? '' : data.toString()));
  }

  /** Sends news if the peer watches and it concerns the peer. */
  tell(news: News): void {
    if (this.#watched && concerns(news, this.#watched.server)) this.#send({ news });
  }

  #receive(text: string): void {
    const frame = decodeClientFrame(text);
    if (!frame) {
      this.#log.warn({ bytes: text.length }, 'a peer of the registration endpoint sent a frame that is not a call');
      this.#socket.close(policyViolation, 'not a call');
    } else if (this.#calls >= maxCalls) {
      this.#send(errorFrame(frame.call, new SluiceError('unavailable', `more than ${maxCalls} calls at a time: wait for answers`)));
    } else void this.#serve(frame);
  }

  async #serve(frame: ClientFrame): Promise<void> {
    this.#calls++;
    try {
      this.#send(await this.#answer(frame));
    } catch (error) {
      if (!(error instanceof SluiceError)) this.#log.error({ err: error }, 'a call at the registration endpoint failed');
      this.#send(errorFrame(frame.call, error));
    } finally {
      this.#calls--;
    }
  }

  async #answer(frame: ClientFrame): Promise<EndpointFrame> {
    const { call } = frame;
    if ('watch' in frame) {
      const { server } = frame.watch;
      // A peer that asks for the news of two servers, or of one and of all, gets all news.
      this.#watched = { server: this.#watched && this.#watched.server !== server ? undefined : server };
      await this.#watching;
      return { call };
    }
    return { call, result: await this.#call(frame.method, frame.params) };
  }

  async #call(name: string, given: unknown): Promise<unknown> {
    if (!isMethod(name))
      throw new SluiceError('invalid', `the registration endpoint has no such method; known: ${Object.keys(methods).join(', ')}`);
    const method = methods[name];
    if (method.access === 'admin' && this.#access !== 'admin') throw forbidden(`may not call ${name}`);
    const { value, faults } = check(given, method.params);
    if (faults) throw new SluiceError('invalid', `${name}: ${faults.map((fault) => describeFault(fault)).join('; ')}`, { faults });
    if (name === 'server' && this.#access !== 'admin' && (value as { id: string }).id !== this.#server)
      throw forbidden('may read only its own server');
    const result = await method.call(this.#registry, value as never);
    if (name === 'join' || name === 'renew') this.#server = (value as { id: string }).id;
    return result;
  }

  #send(frame: EndpointFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > maxUnsentBytes) {
      this.#log.warn({ server: this.#server }, 'a peer of the registration endpoint reads too slowly: its connection is terminated');
      this.#socket.terminate();
    } else this.#socket.send(JSON.stringify(frame));
  }
}

function forbidden(what: string): SluiceError {
  return new SluiceError('forbidden', `the join token ${what}: use the admin token for that`);
}
