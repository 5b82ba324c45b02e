import type { FailureKind } from '../model/counts.ts';
import type { Route } from './contract.ts';
import type { ProxyExchange } from './proxy-exchange.ts';
import type { Upstream } from './upstream.ts';
import { type WaitingLine, waitingLineOf } from './waiting-line.ts';

/** The attempts of one exchange, at one upstream after another: each is counted and told to the route, from the pick to its end. */
export abstract class Attempts {
  protected readonly exchange: ProxyExchange;
  protected readonly route: Route;
  /** Where exchanges of the route wait for room, if they may. */
  protected readonly line: WaitingLine | undefined;
  /** Where the present attempt is made. */
  protected upstream: Upstream | undefined;
  /** Attempts begun. */
  protected begun = 0;
  #beganAt = 0;

  constructor(exchange: ProxyExchange, route: Route) {
    this.exchange = exchange;
    this.route = route;
    this.line = waitingLineOf(route);
  }

  /** A bug in what is called from here ends the exchange. */
  crashed(error: unknown): void {
    this.exchange.crashed(error);
  }

  protected enter(upstream: Upstream): void {
    this.begun++;
    this.#beganAt = performance.now();
    this.upstream = upstream;
    upstream.active++;
    upstream.requests++;
    this.line?.entered();
  }

  /** A final response head came. */
  protected noteAnswer(upstream: Upstream, status: number): void {
    const headMs = performance.now() - this.#beganAt;
    upstream.answered(status, headMs);
    this.exchange.observe(this.route, upstream, { kind: 'answered', status, headMs });
  }

  protected noteFailure(upstream: Upstream, kind: FailureKind, reason: string): void {
    upstream.fail(kind);
    this.exchange.observe(this.route, upstream, { kind, reason });
  }

  /** It ended through no fault of the upstream's. @param answered it had sent its response head */
  protected noteAbandoned(upstream: Upstream, answered: boolean, reason: string): void {
    if (!answered) upstream.abandoned++;
    this.exchange.observe(this.route, upstream, { kind: 'aborted', reason });
  }

  /** The present attempt, if there is one, is over. */
  protected leave(): void {
    if (this.upstream === undefined) return;
    this.upstream.active--;
    this.upstream = undefined;
    this.line?.left();
  }
}
