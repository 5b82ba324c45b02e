import { readTime } from '../http1/connection/read-time.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import type { FailureKind } from '../model/counts.ts';
import type { Blame } from './blame.ts';
import type { Outcome, Route } from './contract.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import type { Told } from './message-connection.ts';
import type { RequestQueue } from './request-queue.ts';
import { type RetryableOutcome, spendRetry } from './retry.ts';
import { readConsumer } from './told-consumer.ts';
import { readHome } from './told-home.ts';
import type { Upstream } from './upstream.ts';

const none: readonly Upstream[] = [];
/** Outcome of almost every attempt: an object for each would be garbage. */
const answered: { readonly kind: 'answered'; status: number; headMs: number } = { kind: 'answered', status: 0, headMs: 0 };

/** Facts about a request that decide whether it may be sent a second time: see `EndedAttempt`. */
export interface Repeatability {
  readonly repeatable: boolean;
  readonly replayable: boolean;
}

/**
 * The attempts of one exchange, one at a time, each at another upstream of its route. Picks the upstream, and counts each attempt and
 * reports it to the route: every attempt that began ends once, by `end`, `failed`, `short`, `abandoned`, `discarded` or
 * `hung`.
 */
export class Attempts {
  /** Where the exchange may wait for a server with room; undefined: it may not. */
  readonly queue: RequestQueue | undefined;
  /** Upstream of the current attempt. */
  upstream: Upstream | undefined;
  readonly #exchange: ForwardedExchange;
  readonly #route: Route;
  /** Greatest number of tunnels on one upstream, if the exchange asks for one; 0: no limit. */
  readonly #maxTunnels: number;
  /** Upstreams whose attempts failed, hung or were discarded: none of them is picked again. */
  #tried = none;
  #beganAt = 0;
  /** The response head of the current attempt has come. */
  #answered = false;

  constructor(exchange: ForwardedExchange, route: Route) {
    const { queue, connectionsPerServer, tunnelsPerServer } = route.settings.limits;
    this.#exchange = exchange;
    this.#route = route;
    this.#maxTunnels = tunnelsPerServer > 0 && exchange.protocols !== '' ? tunnelsPerServer : 0;
    exchange.blame = route.blame;
    this.queue = queue > 0 && (connectionsPerServer > 0 || this.#maxTunnels > 0) ? route.queue : undefined;
  }

  /**
   * True if the servers that have room now may be ones that the exchange cannot use: they have failed it, they have room for requests but not
   * for another tunnel, or it waits for its own.
   */
  get retrying(): boolean {
    return this.#tried !== none || this.#maxTunnels > 0 || this.#route.waitsForOne?.(this.#exchange) === true;
  }

  /** The upstream to try next; undefined: none has room. */
  pick(): Upstream | undefined {
    return this.#pick(this.#tried, false);
  }

  /** Like {@link pick}, but the exchange does not wait for the one server that it belongs to. */
  pickAny(): Upstream | undefined {
    return this.#pick(this.#tried, true);
  }

  begin(upstream: Upstream): void {
    this.#beganAt = readTime();
    this.#answered = false;
    this.upstream = upstream;
    this.#exchange.blame = this.#route.blame;
    upstream.active++;
    upstream.requests++;
    if (this.#maxTunnels > 0) upstream.tunnels++;
    this.queue?.attemptBegan();
  }

  /**
   * The final response head of the current attempt has come.
   *
   * @param blame who is to blame for a 5xx status, if not the upstream
   * @param told the consumer, if it is not in the head
   */
  answered(head: ResponseHead, blame?: Blame, told?: Told): void {
    const { status } = head;
    const upstream = this.upstream as Upstream;
    const headMs = readTime() - this.#beganAt;
    this.#answered = true;
    if (upstream.believed) {
      this.#exchange.consumer = told === undefined ? readConsumer(head) : told.consumer;
      const home = told === undefined ? readHome(head) : told.home;
      if (home !== undefined) this.#route.homed?.(this.#exchange, home);
    }
    upstream.answered(status, headMs, blame);
    if (blame !== undefined) {
      this.#report(upstream, { kind: 'answered', status, headMs, blame });
      return;
    }
    answered.status = status;
    answered.headMs = headMs;
    this.#report(upstream, answered);
  }

  /** The server has switched protocols: it has room for another request. Tunnels are counted apart. */
  switched(): void {
    (this.upstream as Upstream).upgraded++;
    this.queue?.roomMade();
  }

  /** Ends the tunnel, and with it the current attempt. */
  tunnelClosed(): void {
    (this.upstream as Upstream).upgraded--;
    this.end();
  }

  /** Ends the current attempt, if there is one; its response is complete. @param octets of the response's body */
  complete(octets: number): void {
    this.upstream?.learn(this.#exchange.head, octets);
    this.end();
  }

  /** Ends the current attempt, if there is one; its response is complete. */
  end(): void {
    if (this.upstream === undefined) return;
    this.upstream.active--;
    if (this.#maxTunnels > 0) this.upstream.tunnels--;
    this.upstream = undefined;
    this.queue?.attemptEnded();
  }

  /** Ends the current attempt through its upstream's fault. @param silent the upstream said nothing for too long */
  failed(kind: FailureKind, reason: string, silent = false): void {
    const upstream = this.#exclude();
    upstream.fail(kind);
    this.#report(upstream, silent ? { kind, reason, silent } : { kind, reason });
  }

  /** Ends the current attempt, for which this process lacked something. `sent`: the request may have reached the upstream all the same. */
  short(reason: string, sent: boolean): void {
    const upstream = this.#exclude();
    upstream.shortages++;
    // The balancer repeats a request that is answered with this blame, whatever its method.
    if (this.#route.blame !== undefined && !sent) this.#exchange.blame = 'shortage';
    this.#report(upstream, { kind: 'shortage', reason });
  }

  /** Ends the current attempt, if there is one, through no fault of its upstream. */
  abandoned(reason: string): void {
    const { upstream } = this;
    if (upstream === undefined) return;
    this.end();
    if (!this.#answered) upstream.abandoned++;
    this.#report(upstream, { kind: 'aborted', reason });
  }

  /** Ends the current attempt, whose answer is not wanted: another upstream is tried. */
  discarded(): void {
    this.#exclude();
  }

  /** Ends the current attempt, whose server hangs. Health checks have found that already, so it is not reported as another failure. */
  hung(): void {
    const upstream = this.#exclude();
    upstream.fail('head-timeout');
    this.#report(upstream, { kind: 'aborted', reason: 'the server hangs' });
  }

  /** After an attempt has failed: spends a retry and returns true if another upstream may be tried. */
  spendRetry(outcome: RetryableOutcome, request: Repeatability): boolean {
    return this.#mayFollow(outcome, this.#tried.length, request);
  }

  /** While an attempt is being made: spends a retry and returns another upstream, if one has room and a retry is allowed. */
  alternative(outcome: RetryableOutcome, request: Repeatability): Upstream | undefined {
    const tried = [...this.#tried, this.upstream as Upstream];
    const other = this.#pick(tried, true);
    return other !== undefined && this.#mayFollow(outcome, tried.length, request) ? other : undefined;
  }

  #pick(tried: readonly Upstream[], any: boolean): Upstream | undefined {
    const upstream = this.#route.pick(this.#exchange, tried, any);
    const full = upstream !== undefined && this.#maxTunnels > 0 && upstream.tunnels >= this.#maxTunnels;
    return full ? this.#pick([...tried, upstream], any) : upstream;
  }

  #mayFollow(outcome: RetryableOutcome, attempts: number, { repeatable, replayable }: Repeatability): boolean {
    const { settings, budget } = this.#route;
    return spendRetry({ outcome, attempts, repeatable, replayable }, settings.retries, budget);
  }

  #exclude(): Upstream {
    const upstream = this.upstream as Upstream;
    this.#tried = [...this.#tried, upstream];
    this.end();
    return upstream;
  }

  /** A bug in the route's `observe` is reported, and does not harm the exchange. */
  #report(upstream: Upstream, outcome: Outcome): void {
    try {
      this.#route.observe?.(upstream, outcome);
    } catch (error) {
      this.#exchange.fault(error);
    }
  }
}
