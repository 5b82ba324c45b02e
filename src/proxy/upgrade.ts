import net from 'node:net';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-names.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { Attempts } from './attempts.ts';
import type { Failure, Route } from './contract.ts';
import { failures } from './failures.ts';
import type { HttpListener } from './http-listener.ts';
import { ownAnswer, problem } from './own-answer.ts';
import type { ProxyExchange } from './proxy-exchange.ts';
import { writtenByUs } from './request-head-out.ts';
import { mayRetry } from './retry.ts';
import { Tunnel, type TunnelHead, type TunnelOwner } from './tunnel.ts';
import type { Upstream } from './upstream.ts';

/**
 * Whether a request is handed over to another protocol. `h2c` is not: the field is dropped and the request stays
 * HTTP/1.1, because a tunnel of HTTP/2 would pass every rule by (RFC 9110 section 7.8 lets a server ignore the field).
 */
export function switchesProtocol(head: RequestHead): boolean {
  if (!head.upgrade || head.chunked || head.contentLength > 0) return false;
  return !/\bh2c?\b/i.test(head.fields.get('upgrade') ?? '');
}

const tooLate = new Error('no connection in time');

/** Connects to a server for an upgrade, as often as the route allows, and leaves both connections to a {@link Tunnel}. */
export class Upgrade extends Attempts implements Watched, TunnelOwner {
  deadline = 0;
  readonly #listener: HttpListener;
  readonly #tried: Upstream[] = [];
  #connecting: net.Socket | undefined;
  #standing = false;

  constructor(request: { exchange: ProxyExchange; listener: HttpListener; route: Route }) {
    super(request.exchange, request.route);
    this.#listener = request.listener;
  }

  start(): void {
    processDeadlines.watch(this);
    this.#attempt(failures.noServer);
  }

  /** The exchange has ended before a server was reached. */
  abandon(): void {
    processDeadlines.unwatch(this);
    this.#connecting?.destroy();
    this.#connecting = undefined;
    if (this.upstream) this.upstream.abandoned++;
    this.leave();
  }

  expire(): void {
    this.#connecting?.destroy(tooLate);
  }

  // From the tunnel

  get answerMs(): number {
    return this.route.settings.timeouts.responseHead;
  }

  get extra(): readonly (readonly [string, string])[] {
    const { id } = this.upstream as Upstream;
    return this.route.settings.exposeServer ? [['X-Served-By', id]] : [];
  }

  answered(status: number): void {
    const upstream = this.upstream as Upstream;
    this.noteAnswer(upstream, status);
    this.#standing = status === 101;
    if (this.#standing) upstream.upgraded++;
    this.exchange.switched(status, upstream);
  }

  failed(why: 'reset' | 'head-timeout' | 'aborted', reason: string): Buffer {
    const upstream = this.upstream as Upstream;
    if (why === 'aborted') this.noteAbandoned(upstream, false, reason);
    else this.noteFailure(upstream, why, reason);
    const failure = why === 'head-timeout' ? failures.headTimeout : failures.upstreamReset;
    this.exchange.switched(why === 'aborted' ? 0 : failure.status, upstream);
    const context = { requestId: this.exchange.id, headOnly: false, connection: 'close' } as const;
    return ownAnswer(problem(failure, this.exchange.id), context);
  }

  closed(): void {
    if (this.#standing && this.upstream) this.upstream.upgraded--;
    this.leave();
  }

  #attempt(otherwise: Failure): void {
    const upstream = this.route.pick(this.exchange, this.#tried);
    if (upstream === undefined) {
      this.exchange.fail(otherwise);
      return;
    }
    this.enter(upstream);
    upstream.pool.connects++;
    const { host, port, secure } = upstream;
    const socket = secure?.connect(host, port) ?? net.connect({ host, port });
    this.#connecting = socket;
    this.deadline = processDeadlines.in(this.route.settings.timeouts.connect);
    const failed = (error: Error) => {
      try {
        this.#connectFailed(upstream, socket, error);
      } catch (bug) {
        this.crashed(bug);
      }
    };
    socket.once('error', failed);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.off('error', failed);
      try {
        if (this.#connecting === socket) this.#open(upstream, socket);
      } catch (bug) {
        this.crashed(bug);
      }
    });
  }

  #connectFailed(upstream: Upstream, socket: net.Socket, error: Error): void {
    if (this.#connecting !== socket) return;
    this.#connecting = undefined;
    this.deadline = 0;
    this.leave();
    const [kind, failure] =
      error === tooLate ? (['connect-timeout', failures.connectTimeout] as const) : (['connect-failed', failures.connectFailed] as const);
    this.noteFailure(upstream, kind, error.message);
    this.#tried.push(upstream);
    const { settings, budget } = this.route;
    if (mayRetry({ outcome: kind, attempts: this.#tried.length, repeatable: true, replayable: true }, settings.retries, budget))
      this.#attempt(failure);
    else this.exchange.fail(failure);
  }

  #open(upstream: Upstream, server: net.Socket): void {
    const head = this.#headFor(upstream);
    const { client } = this.exchange;
    this.#connecting = undefined;
    processDeadlines.unwatch(this);
    this.exchange.handOver();
    const { socket, after } = client.release();
    this.#listener.tunnelOpened(client, socket);
    new Tunnel(this, socket, server).open(head, after);
  }

  /** The head with the fields that any forwarded request gets. */
  #headFor(upstream: Upstream): TunnelHead {
    const { head, id, edits, authority } = this.exchange;
    const rewrite = this.route.rewrite?.(this.exchange, upstream);
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of (edits ?? new EditedFields(head.fields)).entries()) {
      const lower = name.toLowerCase();
      if (writtenByUs(lower)) continue;
      const present = headers[lower];
      headers[lower] = present === undefined ? value : [present, value].flat();
    }
    for (const line of this.exchange.forwardedLines.trimEnd().split('\r\n')) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
    }
    headers['host'] = rewrite?.host ?? authority;
    headers['x-request-id'] = id;
    headers['via'] = [headers['via'] ?? [], '1.1 sluice'].flat().join(', ');
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = head.fields.value(head.fields.indexOf(fieldIds.upgrade));
    return { method: head.method, target: rewrite?.target ?? head.target(), headers };
  }
}
