import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { News } from '../../src/model/news.ts';
import { Condition } from './condition.ts';
import type { Owner } from './owner.ts';

/** Answer of a registration endpoint to one call. */
export interface PeerAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: tests read results of every shape
  readonly result?: any;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A program with a join token that speaks the protocol of the registration endpoint by hand, so that it can send what no gateway would. */
export class JoinPeer {
  readonly news: News[] = [];
  /** Everything that was received, as text. */
  received = '';
  closed: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PeerAnswer>();
  readonly #changed = new Condition();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.received += data;
      const frame = JSON.parse(String(data));
      if ('news' in frame) this.news.push(frame.news);
      else this.#answers.set(frame.call, frame);
      this.#changed.notify();
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#changed.notify();
    });
  }

  /** @param control URL of the control address */
  static async connect(owner: Owner, control: string, token: string): Promise<JoinPeer> {
    const socket = new WebSocket(`${control.replace('http', 'ws')}/v1/join`, { headers: { authorization: `Bearer ${token}` } });
    owner.teardown(() => socket.terminate());
    const peer = new JoinPeer(socket);
    await once(socket, 'open');
    return peer;
  }

  /** Sends a call and resolves to its answer. */
  async call(method: string, params: unknown): Promise<PeerAnswer> {
    return this.#ask({ method, params });
  }

  /** Asks for the news of a server; undefined: of all. */
  async watch(server?: string): Promise<PeerAnswer> {
    return this.#ask({ watch: { ...(server !== undefined && { server }) } });
  }

  /** Joins as a gateway does, with `more` instead of the usual values. */
  async join(id: string, more: Record<string, unknown> = {}): Promise<PeerAnswer> {
    const usual = { id, instance: `${id}-1`, address: '127.0.0.1:1', source: 'join', version: '1', startedAt: 1, ttl: 60_000 };
    return this.call('join', { ...usual, ...more });
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    await this.#changed.until(holds, { what, seen: () => this.news });
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(asked: object): Promise<PeerAnswer> {
    const call = this.#calls++;
    this.#socket.send(JSON.stringify({ call, ...asked }));
    await this.until(() => this.#answers.has(call) || this.closed !== undefined, `an answer to ${JSON.stringify(asked).slice(0, 100)}`);
    return this.#answers.get(call) ?? { error: { code: 'closed', message: this.closed?.reason ?? '' } };
  }
}
