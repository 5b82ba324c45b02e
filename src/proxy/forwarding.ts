import type { AttemptFailure, ClientConnection, ResponseSink } from '../http1/connection/client-connection.ts';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { outbox } from '../http1/connection/outbox.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import { Attempts } from './attempts.ts';
import type { Failure, Route } from './contract.ts';
import { failures } from './failures.ts';
import { HeldBody } from './held-body.ts';
import type { ProxyExchange } from './proxy-exchange.ts';
import { writeRequestHead } from './request-head-out.ts';
import { mayResend, mayRetry } from './retry.ts';
import type { Upstream } from './upstream.ts';
import type { Waiter } from './waiting-line.ts';

/** How long an upstream gets for its 100 (Continue) before Sluice gives it (RFC 9110 section 10.1.1). */
const continueMs = 1000;

const nobody: readonly Upstream[] = [];

const failureOf: Record<AttemptFailure, Failure> = {
  'connect-failed': failures.connectFailed,
  'connect-timeout': failures.connectTimeout,
  reset: failures.upstreamReset,
  'head-timeout': failures.headTimeout,
  'bad-response': failures.badResponse,
};

/**
 * The way of one exchange along a route: pick → attempt → classify → retry or respond. It sends the request, again if need be,
 * and hands the response over to the exchange, which it never outlives.
 */
export class Forwarding extends Attempts implements ResponseSink, Watched, Waiter {
  deadline = 0;
  readonly silenceMs: number;
  readonly headBytes: number;
  #connection: ClientConnection | undefined;
  #tried: Upstream[] | undefined;
  #resent = false;
  #lastFailure: Failure | undefined;
  /** The request's head has been sent to the present connection. */
  #sending = false;
  /** The body so far, while it can't be sent or might have to be sent again. */
  #held: HeldBody | undefined;
  #bodyOctets = 0;
  // Points in time on the clock of the deadlines; 0: none.
  #totalUntil = 0;
  #waitsUntil = 0;
  #continueAt = 0;
  #watched = false;

  constructor(exchange: ProxyExchange, route: Route) {
    super(exchange, route);
    this.silenceMs = route.settings.timeouts.responseHead;
    this.headBytes = route.settings.limits.headerBytes;
  }

  /** @param held what came of the body before there was a route */
  start(held: HeldBody | undefined): void {
    const { settings, budget } = this.route;
    const { head } = this.exchange;
    budget.earn(settings.retries);
    this.#held = held;
    this.#bodyOctets = held?.octets ?? 0;
    if (this.#tooMuch(head.contentLength) || this.#tooMuch(this.#bodyOctets)) {
      this.exchange.fail(failures.bodyTooLarge);
      return;
    }
    if (settings.timeouts.total > 0) this.#totalUntil = processDeadlines.in(settings.timeouts.total);
    if (head.expectContinue) this.#continueAt = processDeadlines.in(continueMs);
    this.#rearm();
    this.#attempt();
    if (!this.exchange.client.inTurn) outbox.post();
  }

  // From the client

  body(buffer: Buffer, start: number, end: number): void {
    this.#bodyOctets += end - start;
    if (this.#tooMuch(this.#bodyOctets)) {
      if (this.exchange.responding) {
        this.exchange.breakOff();
        return;
      }
      this.exchange.fail(failures.bodyTooLarge);
      return;
    }
    if (!this.#sending) {
      this.#held ??= new HeldBody();
      this.#held.add(buffer, start, end);
      this.exchange.client.pause();
      return;
    }
    if (this.#held) {
      this.#held.add(buffer, start, end);
      this.#held.limit(this.route.settings.retries.bodyBytes);
    }
    this.#sendBody(buffer, start, end);
    this.#connection?.progress(false);
  }

  bodyEnd(): void {
    if (this.#sending) this.#sendBodyEnd();
  }

  /** What the client sent in this turn is on its way, as far as the upstream takes it. */
  bodyFlushed(): void {
    const { client } = this.exchange;
    if (!this.#connection?.wire.writableNeedDrain || client.bodyComplete) return;
    client.pause();
    this.#connection.expectAnswer();
  }

  /** The client takes more of the response. */
  resume(): void {
    this.#connection?.resume();
  }

  /** The exchange has ended: lets go of everything. */
  abandon(): void {
    if (this.#watched) processDeadlines.unwatch(this);
    this.#watched = false;
    this.line?.leave(this);
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#sending = false;
    this.exchange.counter.requestOctets += this.#bodyOctets;
    this.#bodyOctets = 0;
    const upstream = this.upstream;
    if (upstream === undefined) return;
    this.leave();
    this.noteAbandoned(upstream, this.exchange.responding, 'given up');
  }

  // From the upstream

  connected(connection: ClientConnection): void {
    this.#send(connection);
    outbox.post();
    if (!connection.wire.writableNeedDrain) this.exchange.client.resume();
    else connection.expectAnswer();
  }

  upstreamDrained(): void {
    this.exchange.client.resume();
  }

  head(head: ResponseHead): void {
    if (head.status < 200) {
      this.#interim(head);
      return;
    }
    const upstream = this.upstream as Upstream;
    this.noteAnswer(upstream, head.status);
    if (this.route.settings.retries.statuses.includes(head.status) && this.#goElsewhere('answered')) return;
    this.#held = undefined;
    this.#continueAt = 0;
    this.#rearm();
    this.exchange.beginResponse(head, this.route, upstream);
  }

  responseData(buffer: Buffer, start: number, end: number): void {
    this.exchange.sendData(buffer, start, end);
  }

  responseEnd(trailers: string): void {
    this.#connection = undefined;
    this.leave();
    this.exchange.endResponse(trailers);
  }

  flushResponse(): void {
    outbox.post();
    if (this.exchange.ended || !this.exchange.client.wire.writableNeedDrain) return;
    this.#connection?.pause();
    this.exchange.client.awaitDrain();
  }

  failed(failure: AttemptFailure, reason: string): void {
    const { settings, budget } = this.route;
    const upstream = this.upstream as Upstream;
    const stale = failure === 'reset' && this.#connection?.reused === true && !this.#connection.heard;
    const again = { attempts: this.begun, repeatable: this.#repeatable, replayable: this.#replayable };
    this.#connection = undefined;
    this.#sending = false;
    if (mayResend({ ...again, stale, resent: this.#resent })) {
      this.#resent = true;
      budget.resends++;
      this.#connection = upstream.pool.connect(this, settings.timeouts.connect);
      return;
    }
    this.leave();
    this.noteFailure(upstream, this.exchange.responding ? 'truncated' : failure, reason);
    if (this.exchange.responding) {
      this.exchange.breakOff();
      return;
    }
    this.#lastFailure = failureOf[failure];
    if (!mayRetry({ ...again, outcome: failure }, settings.retries, budget)) {
      this.exchange.fail(this.#lastFailure);
      return;
    }
    this.#tried = [...(this.#tried ?? nobody), upstream];
    this.#attempt();
    outbox.post();
  }

  doubted(): void {
    const upstream = this.upstream as Upstream;
    if (this.exchange.responding || !this.#goElsewhere('hung')) return;
    upstream.fail('head-timeout');
    // Its checks have judged it already.
    this.exchange.observe(this.route, upstream, { kind: 'aborted', reason: 'taken back' });
    this.#lastFailure = failures.headTimeout;
  }

  /** Another server takes over from the present one, if there is one and that does no harm; else nothing changes. */
  #goElsewhere(outcome: 'answered' | 'hung'): boolean {
    const { settings, budget } = this.route;
    const tried = [...(this.#tried ?? nobody), this.upstream as Upstream];
    const other = this.route.pick(this.exchange, tried);
    const again = { attempts: this.begun, repeatable: this.#repeatable, replayable: this.#replayable };
    if (other === undefined || !mayRetry({ ...again, outcome }, settings.retries, budget)) return false;
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#sending = false;
    this.leave();
    this.#tried = tried;
    this.#open(other);
    outbox.post();
    return true;
  }

  /** The method may be carried out twice. */
  get #repeatable(): boolean {
    return this.route.settings.retries.methods.includes(this.exchange.head.method);
  }

  /** All that came of the body is at hand. */
  get #replayable(): boolean {
    return this.#bodyOctets === 0 || this.#held?.complete === true;
  }

  // From the line of those who wait

  get choosy(): boolean {
    return this.#tried !== undefined;
  }

  proceed(): boolean {
    const upstream = this.route.pick(this.exchange, this.#tried ?? nobody);
    if (upstream === undefined) return false;
    this.#waitsUntil = 0;
    this.#rearm();
    this.#open(upstream);
    outbox.post();
    return true;
  }

  // From the deadlines

  expire(): void {
    const { now } = processDeadlines;
    if (this.#totalUntil > 0 && this.#totalUntil <= now) {
      if (this.exchange.responding) this.exchange.breakOff();
      else this.#tooLate();
      return;
    }
    if (this.#waitsUntil > 0 && this.#waitsUntil <= now) {
      if (this.line) this.line.timeouts++;
      this.exchange.fail(this.#lastFailure ?? failures.queueTimeout);
      return;
    }
    if (this.#continueAt > 0 && this.#continueAt <= now) {
      this.#continueAt = 0;
      this.exchange.sendContinue();
    }
    this.#rearm();
  }

  /** The time for the whole exchange is over; a server that had the whole request and did not answer is to blame. */
  #tooLate(): void {
    const upstream = this.upstream;
    if (upstream !== undefined && this.#sending && this.exchange.client.bodyComplete) {
      this.#connection?.abandon();
      this.#connection = undefined;
      this.leave();
      this.noteFailure(upstream, 'head-timeout', 'no response within the total time');
    }
    this.exchange.fail(failures.totalTimeout);
  }

  #rearm(): void {
    let soonest = this.#totalUntil;
    if (this.#waitsUntil > 0 && (soonest === 0 || this.#waitsUntil < soonest)) soonest = this.#waitsUntil;
    if (this.#continueAt > 0 && (soonest === 0 || this.#continueAt < soonest)) soonest = this.#continueAt;
    this.deadline = soonest;
    if (soonest === 0 || this.#watched) return;
    this.#watched = true;
    processDeadlines.watch(this);
  }

  #attempt(): void {
    // Those who wait come first.
    const upstream = this.line && this.line.length > 0 ? undefined : this.route.pick(this.exchange, this.#tried ?? nobody);
    if (upstream !== undefined) this.#open(upstream);
    else this.#wait();
  }

  #wait(): void {
    const { queue, queueTimeout } = this.route.settings.limits;
    this.#waitsUntil = processDeadlines.in(queueTimeout);
    this.#rearm();
    if (this.line?.join(this, queue)) return;
    this.exchange.fail(this.#lastFailure ?? (this.line?.length ? failures.queueFull : failures.noServer));
  }

  #open(upstream: Upstream): void {
    const { pool } = upstream;
    this.enter(upstream);
    pool.idleMs = this.route.settings.timeouts.upstreamIdle;
    const connection = pool.take();
    if (connection) this.#send(connection);
    else this.#connection = pool.connect(this, this.route.settings.timeouts.connect);
  }

  #send(connection: ClientConnection): void {
    const { client, head, edits } = this.exchange;
    const bodyComplete = client.bodyComplete;
    this.#connection = connection;
    connection.begin(this, head, bodyComplete);
    writeRequestHead(outbox.to(connection.wire), head, {
      rewrite: this.route.rewrite?.(this.exchange, this.upstream as Upstream),
      edits,
      requestId: this.exchange.id,
      forwarded: this.exchange.forwardedLines,
    });
    this.#sending = true;
    this.#held?.each((piece) => this.#sendBody(piece, 0, piece.length));
    const mayBeSentAgain = (this.#held !== undefined || !bodyComplete) && this.#repeatable;
    if (!mayBeSentAgain) this.#held = undefined;
    else if (!bodyComplete) this.#held ??= new HeldBody();
    if (bodyComplete && head.chunked) this.#sendBodyEnd();
  }

  #sendBody(buffer: Buffer, start: number, end: number): void {
    const out = outbox.to((this.#connection as ClientConnection).wire);
    if (this.exchange.head.chunked) out.chunk(buffer, start, end);
    else out.octets(buffer, start, end);
  }

  #sendBodyEnd(): void {
    const connection = this.#connection as ClientConnection;
    if (this.exchange.head.chunked) outbox.to(connection.wire).text(`0\r\n${this.exchange.client.trailers}\r\n`);
    connection.progress(true);
  }

  #interim(head: ResponseHead): void {
    if (head.status === 100) {
      this.#continueAt = 0;
      this.#rearm();
    }
    this.exchange.sendInterim(head);
  }

  #tooMuch(octets: number): boolean {
    const { bodyBytes } = this.route.settings.limits;
    return bodyBytes > 0 && octets > bodyBytes;
  }
}
