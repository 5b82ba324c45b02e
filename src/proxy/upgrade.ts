import net from 'node:net';
import { connectErrorText } from '../dns/name-error.ts';
import { processResolver } from '../dns/resolver.ts';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { Attempts } from './attempts.ts';
import type { Failure, Route } from './contract.ts';
import { attemptFailures, failures } from './failures.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import { ownAnswer, problem } from './own-answer.ts';
import type { ResponseWriter } from './response-writer.ts';
import { Tunnel, type TunnelHead, type TunnelOwner } from './tunnel.ts';
import type { Upstream } from './upstream.ts';
import { isOwnField } from './write-request-head.ts';

/**
 * True for a request that may switch to another protocol. `h2c` may not: its Upgrade field is dropped and the request stays
 * HTTP/1.1, because a tunnel of HTTP/2 would bypass every rule (RFC 9110 section 7.8 lets a server ignore the field).
 */
export function switchesProtocol(head: RequestHead): boolean {
  if (!head.upgrade || head.chunked || head.contentLength > 0) return false;
  return !/\bh2c?\b/i.test(head.fields.get('upgrade') ?? '');
}

const tooLate = new Error('no connection within the connect timeout');
/** A connection that could not be made: nothing was sent, so that any request may be sent to another server. */
const nothingSent = { repeatable: true, replayable: true } as const;

/** Connects to an upstream for an upgrade, with as many attempts as the route allows, and joins both connections in a {@link Tunnel}. */
export class Upgrade implements Watched, TunnelOwner {
  deadline = 0;
  readonly #exchange: ForwardedExchange;
  readonly #response: ResponseWriter;
  readonly #route: Route;
  readonly #attempts: Attempts;
  #connecting: net.Socket | undefined;
  /** Upstream whose protocol was switched to: its tunnel is open. */
  #switchedTo: Upstream | undefined;

  constructor(exchange: ForwardedExchange, response: ResponseWriter, route: Route) {
    this.#exchange = exchange;
    this.#response = response;
    this.#route = route;
    this.#attempts = new Attempts(exchange, route);
  }

  start(): void {
    processDeadlines.watch(this);
    this.#attempt(failures.noServer);
  }

  /** Cancels the attempt and the deadline: the exchange has ended before an upstream was reached. */
  abandon(): void {
    processDeadlines.unwatch(this);
    this.#connecting?.destroy();
    this.#connecting = undefined;
    this.#attempts.abandoned('given up');
  }

  expire(): void {
    this.#connecting?.destroy(tooLate);
  }

  crashed(error: unknown): void {
    this.#exchange.crashed(error);
  }

  // From the tunnel

  get answerMs(): number {
    return this.#route.settings.timeouts.responseHead;
  }

  get extra(): readonly (readonly [string, string])[] {
    const { id } = this.#attempts.upstream as Upstream;
    return this.#route.settings.exposeServer ? [['X-Served-By', id]] : [];
  }

  answered(status: number): void {
    const upstream = this.#attempts.upstream as Upstream;
    this.#attempts.answered(status);
    if (status === 101) {
      this.#switchedTo = upstream;
      upstream.upgraded++;
    }
    this.#response.settle(status, upstream.id);
  }

  failed(why: 'reset' | 'head-timeout', reason: string): Buffer {
    const { id: server } = this.#attempts.upstream as Upstream;
    this.#attempts.failed(why, reason);
    const failure = attemptFailures[why];
    this.#response.settle(failure.status, server);
    const { id } = this.#exchange;
    return ownAnswer(problem(failure, id), { requestId: id, headOnly: false, connection: 'close' });
  }

  aborted(): void {
    const { id } = this.#attempts.upstream as Upstream;
    this.#attempts.abandoned('the client left');
    this.#response.settle(0, id);
  }

  closed(): void {
    if (this.#switchedTo) this.#switchedTo.upgraded--;
    this.#attempts.end();
  }

  /** @param otherwise failure to answer with if no upstream has room */
  #attempt(otherwise: Failure): void {
    const upstream = this.#attempts.pick();
    if (upstream === undefined) {
      this.#response.fail(otherwise);
      return;
    }
    this.#attempts.begin(upstream);
    upstream.pool.connects++;
    const { host, port, secure } = upstream;
    const { connect } = this.#route.settings.timeouts;
    const socket = secure?.connect(host, port, connect) ?? dial(host, port, connect);
    this.#connecting = socket;
    this.deadline = processDeadlines.in(connect);
    const failed = (error: Error) => {
      try {
        if (this.#connecting === socket) this.#connectFailed(error);
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

  #connectFailed(error: Error): void {
    this.#connecting = undefined;
    this.deadline = 0;
    const kind = error === tooLate ? 'connect-timeout' : 'connect-failed';
    this.#attempts.failed(kind, connectErrorText(error));
    const failure = attemptFailures[kind];
    if (this.#attempts.spendRetry(kind, nothingSent)) this.#attempt(failure);
    else this.#response.fail(failure);
  }

  #open(upstream: Upstream, server: net.Socket): void {
    const head = this.#headFor(upstream);
    this.#connecting = undefined;
    processDeadlines.unwatch(this);
    const { socket, after } = this.#response.handOver();
    new Tunnel(this, socket, server).open(head, after);
  }

  /** The request's head, with the fields that every forwarded request gets. */
  #headFor(upstream: Upstream): TunnelHead {
    const { head, id, edits, forwardedLines } = this.#exchange;
    const rewrite = this.#route.rewrite?.(this.#exchange, upstream);
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of (edits ?? new EditedFields(head.fields)).entries()) {
      const lower = name.toLowerCase();
      if (isOwnField(lower)) continue;
      const present = headers[lower];
      headers[lower] = present === undefined ? value : [present, value].flat();
    }
    for (const line of forwardedLines.trimEnd().split('\r\n')) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
    }
    headers['host'] = rewrite?.host ?? head.authority();
    headers['x-request-id'] = id;
    headers['via'] = [headers['via'] ?? [], '1.1 sluice'].flat().join(', ');
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = head.fields.value(head.fields.indexOf(fieldIds.upgrade));
    return { method: head.method, target: rewrite?.target ?? head.target(), headers };
  }
}

function dial(host: string, port: number, limitMs: number): net.Socket {
  return processResolver.observe(net.connect(processResolver.dial(host, port, limitMs) as net.TcpSocketConnectOpts), host);
}
