import { processDeadlines, sooner, type Watched } from '../http1/connection/deadlines.ts';
import { outbox } from '../http1/connection/outbox.ts';
import type { AttemptFailure, ResponseSink } from '../http1/connection/response-sink.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import { Attempts, type Repeatability } from './attempts.ts';
import { readBlame } from './blame.ts';
import { continueMs } from './continue-wait.ts';
import type { Failure, Route } from './contract.ts';
import { attemptFailures, failures } from './failures.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import { HeldBody } from './held-body.ts';
import { isFull, type ServerLink, toldBy } from './message-connection.ts';
import { mostOctets } from './most-octets.ts';
import type { Waiter } from './request-queue.ts';
import type { ResponseWriter } from './response-writer.ts';
import { mayResend } from './retry.ts';
import { Tunnel } from './tunnel.ts';
import type { Upstream } from './upstream.ts';
import { writeBody, writeBodyEnd } from './write-request-body.ts';
import { writeRequestHead } from './write-request-head.ts';

/**
 * Forwards one exchange along a route: pick → attempt → classify → retry or respond. Sends the request to an upstream, more than once
 * if necessary, and passes the upstream's response to the `ResponseWriter`. It never outlives the exchange.
 */
export class Forwarding implements ResponseSink, Repeatability, Watched, Waiter {
  deadline = 0;
  readonly silenceMs: number;
  readonly headBytes: number;
  readonly #exchange: ForwardedExchange;
  readonly #response: ResponseWriter;
  readonly #route: Route;
  readonly #attempts: Attempts;
  #connection: ServerLink | undefined;
  #resent = false;
  #lastFailure: Failure | undefined;
  /** The request's head has been sent over the current connection. */
  #sending = false;
  /** The body so far, while it can't be sent or might have to be sent again. */
  #held: HeldBody | undefined;
  #bodyOctets = 0;
  /** Greatest number of octets of the body; below 0: no limit. */
  readonly #mostBody: number;
  // Points in time on the clock of the deadlines; 0: none.
  #totalUntil = 0;
  #waitsUntil = 0;
  #continueAt = 0;
  #watched = false;

  constructor(exchange: ForwardedExchange, response: ResponseWriter, route: Route) {
    this.silenceMs = route.settings.timeouts.responseHead;
    this.headBytes = route.settings.limits.headerBytes;
    this.#exchange = exchange;
    this.#response = response;
    this.#route = route;
    this.#attempts = new Attempts(exchange, route);
    this.#mostBody = mostOctets(route.settings.limits.bodyBytes, exchange.bodyLimit);
  }

  /** @param held beginning of the body, if it arrived before there was a route */
  start(held: HeldBody | undefined): void {
    const { head } = this.#exchange;
    const { settings } = this.#route;
    this.#route.budget.earn(settings.retries);
    this.#held = held;
    this.#bodyOctets = held?.octets ?? 0;
    if (this.#refusesBodyOf(Math.max(head.contentLength, this.#bodyOctets))) return;
    if (settings.timeouts.total > 0) this.#totalUntil = processDeadlines.in(settings.timeouts.total);
    if (head.expectContinue) this.#continueAt = processDeadlines.in(continueMs);
    this.#rearm();
    this.#attempt();
  }

  /** Releases the connection, the place in the queue and the deadline: the exchange has ended. */
  abandon(): void {
    this.#rest();
    this.#attempts.queue?.leave(this);
    this.#hangUp();
    this.#exchange.counter.requestOctets += this.#bodyOctets;
    this.#bodyOctets = 0;
    this.#attempts.abandoned('given up');
  }

  /** The request may be executed twice: its method is listed in `retries.methods`. */
  get repeatable(): boolean {
    return this.#route.settings.retries.methods.includes(this.#exchange.head.method);
  }

  /** Everything received of the body so far is still in memory. */
  get replayable(): boolean {
    return this.#bodyOctets === 0 || this.#held?.complete === true;
  }

  crashed(error: unknown): void {
    this.#exchange.crashed(error);
  }

  // From the client
  body(buffer: Buffer, start: number, end: number): void {
    this.#bodyOctets += end - start;
    if (this.#refusesBodyOf(this.#bodyOctets)) return;
    if (!this.#sending) {
      this.#held ??= new HeldBody();
      this.#held.add(buffer, start, end);
      this.#response.client.pause();
      return;
    }
    if (this.#held) {
      this.#held.add(buffer, start, end);
      this.#held.limit(this.#route.settings.retries.bodyBytes);
    }
    this.#sendBody(buffer, start, end);
    this.#connection?.progress(false, end - start);
  }

  bodyEnd(): void {
    if (this.#sending) this.#sendBodyEnd();
  }

  /** One read of the client has been sent on. Reads no more until the upstream keeps up. */
  bodyFlushed(): void {
    const { client } = this.#response;
    if (this.#connection === undefined || !isFull(this.#connection) || client.bodyComplete) return;
    client.pause();
    this.#connection.expectAnswer();
  }

  /** The client takes more of the response. */
  resume(): void {
    this.#connection?.resume();
  }

  // From the upstream

  connected(connection: ServerLink): void {
    this.#send(connection);
    outbox.flushIfPlenty();
    if (this.#connection !== connection) return;
    if (!isFull(connection)) this.#response.client.resume();
    else connection.expectAnswer();
  }

  upstreamDrained(): void {
    this.#response.client.resume();
  }

  head(head: ResponseHead): void {
    if (head.status === 100) {
      this.#continueAt = 0;
      this.#rearm();
    }
    if (head.status < 200) {
      this.#response.interim(head);
      return;
    }
    const attempts = this.#attempts;
    const upstream = attempts.upstream as Upstream;
    const told = toldBy(this.#connection);
    const blame = head.status < 500 || !upstream.believed ? undefined : told === undefined ? readBlame(head) : told.blame;
    attempts.answered(head, blame, told);
    const { retries, exposeServer } = this.#route.settings;
    let other: Upstream | undefined;
    if (blame === 'shortage') other = attempts.alternative('shortage', { repeatable: true, replayable: this.replayable });
    else if (retries.statuses.includes(head.status)) other = attempts.alternative('answered', this);
    if (other !== undefined) {
      this.#hangUp();
      attempts.discarded();
      this.#open(other);
      return;
    }
    this.#held = undefined;
    this.#continueAt = 0;
    this.#rearm();
    this.#response.take(head, told?.edits);
    this.#route.respond?.(this.#exchange, upstream);
    this.#response.begin(upstream.id, exposeServer);
  }

  get edits(): EditedFields | undefined {
    return this.#response.edits;
  }

  get protocols(): string {
    return this.#exchange.protocols;
  }

  switched(head: ResponseHead, buffer: Buffer, start: number, end: number): void {
    const attempts = this.#attempts;
    const response = this.#response;
    const { exposeServer, timeouts } = this.#route.settings;
    const upstream = attempts.upstream as Upstream;
    attempts.answered(head, undefined, toldBy(this.#connection));
    response.take(head, toldBy(this.#connection)?.edits);
    this.#route.respond?.(this.#exchange, upstream);
    if (response.ended) return;
    this.#rest();
    const server = (this.#connection as ServerLink).release();
    this.#connection = undefined;
    const { socket: client, after } = response.switchProtocols(upstream.id, exposeServer);
    if (after.length > 0) server.write(after);
    if (end > start) client.write(Buffer.from(buffer.subarray(start, end)));
    attempts.switched();
    new Tunnel({ closed: () => attempts.tunnelClosed(), crashed: (error) => this.#exchange.fault(error) }, client, server, timeouts.tunnel);
  }

  responseData(buffer: Buffer, start: number, end: number): void {
    this.#response.data(buffer, start, end);
  }

  responseEnd(trailers: string): void {
    this.#connection = undefined;
    this.#attempts.complete(this.#response.octets);
    this.#response.end(trailers);
  }

  turnEnd(): void {
    this.#response.pace(this.#connection);
  }

  failed(failure: AttemptFailure, reason: string): void {
    const attempts = this.#attempts;
    const early = this.#connection?.reused === true && !this.#connection.heard ? failure : undefined;
    const sent = this.#sending;
    this.#connection = undefined;
    this.#sending = false;
    if (mayResend({ early, resent: this.#resent, repeatable: this.repeatable, replayable: this.replayable })) {
      this.#resent = true;
      this.#route.budget.resends++;
      this.#connection = this.#connect(attempts.upstream as Upstream);
      return;
    }
    const { begun } = this.#response;
    if (failure === 'shortage') attempts.short(reason, sent);
    else attempts.failed(begun ? 'truncated' : failure, reason, failure === 'head-timeout');
    this.#lastFailure = attemptFailures[failure];
    if (!begun && attempts.spendRetry(failure, this)) this.#attempt();
    else this.#response.fail(this.#lastFailure);
  }

  starved(reason: string): boolean {
    const other = this.#attempts.alternative('shortage', { repeatable: true, replayable: this.replayable });
    if (other === undefined) return false;
    this.#connection = undefined;
    this.#attempts.short(reason, false);
    this.#open(other);
    return true;
  }

  doubted(): void {
    const other = this.#response.begun ? undefined : this.#attempts.alternative('hung', this);
    if (other === undefined) return;
    this.#hangUp();
    this.#attempts.hung();
    this.#lastFailure = failures.headTimeout;
    this.#open(other);
  }

  get retrying(): boolean {
    return this.#attempts.retrying;
  }

  proceed(): boolean {
    return this.#proceedTo(this.#attempts.pick());
  }

  expire(): void {
    const { now } = processDeadlines;
    if (this.#totalUntil > 0 && this.#totalUntil <= now) {
      this.#tooLate();
      return;
    }
    if (this.#waitsUntil > 0 && this.#waitsUntil <= now) {
      if (this.#openAny()) {
        this.#attempts.queue?.leave(this);
        return;
      }
      if (this.#attempts.queue) this.#attempts.queue.timeouts++;
      this.#response.fail(this.#lastFailure ?? failures.queueTimeout);
      return;
    }
    if (this.#continueAt > 0 && this.#continueAt <= now) {
      this.#continueAt = 0;
      this.#response.continue();
    }
    this.#rearm();
  }

  /** The time for the whole exchange is over. If a server had the whole request and did not answer, its attempt counts as failed. */
  #tooLate(): void {
    const { begun, client } = this.#response;
    if (!begun && this.#attempts.upstream !== undefined && this.#sending && client.bodyComplete) {
      this.#hangUp();
      this.#attempts.failed('head-timeout', 'no response within the total time', true);
    }
    this.#response.fail(failures.totalTimeout);
  }

  #rearm(): void {
    this.deadline = sooner(this.#totalUntil, sooner(this.#waitsUntil, this.#continueAt));
    if (this.deadline === 0 || this.#watched) return;
    this.#watched = true;
    processDeadlines.watch(this);
  }

  #attempt(): void {
    // Requests that wait come first.
    const upstream = (this.#attempts.queue?.length ?? 0) > 0 ? undefined : this.#attempts.pick();
    if (upstream !== undefined) this.#open(upstream);
    else this.#wait();
  }

  #wait(): void {
    const { limits } = this.#route.settings;
    const { queue } = this.#attempts;
    this.#waitsUntil = processDeadlines.in(limits.queueTimeout);
    this.#rearm();
    if (queue?.join(this, limits.queue) || this.#openAny()) return;
    this.#response.fail(this.#lastFailure ?? (queue?.length ? failures.queueFull : failures.noServer));
  }

  /** Gives up waiting for the client's own server: opens any that has room. */
  #openAny(): boolean {
    return this.#route.waitsForOne?.(this.#exchange) === true && this.#proceedTo(this.#attempts.pickAny());
  }

  /** Ends the wait, if there is a server. */
  #proceedTo(upstream: Upstream | undefined): boolean {
    if (upstream === undefined) return false;
    this.#waitsUntil = 0;
    this.#rearm();
    this.#open(upstream);
    return true;
  }

  #open(upstream: Upstream): void {
    this.#attempts.begin(upstream);
    const connection = upstream.take(this.#exchange.head) as ServerLink | undefined;
    if (connection === undefined) this.#connection = this.#connect(upstream);
    else if (this.#held === undefined) this.#send(connection);
    else this.connected(connection);
  }

  #connect(upstream: Upstream): ServerLink {
    return upstream.connect(this, this.#response.client, this.#route.settings.timeouts.connect) as ServerLink;
  }

  /** Ends all deadlines of the exchange. */
  #rest(): void {
    if (this.#watched) processDeadlines.unwatch(this);
    this.#watched = false;
  }

  /** Gives up the current connection: octets that still arrive over it would belong to this exchange. */
  #hangUp(): void {
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#sending = false;
  }

  #send(connection: ServerLink): void {
    const { head } = this.#exchange;
    const { bodyComplete } = this.#response.client;
    this.#connection = connection;
    connection.begin(this, head, bodyComplete);
    const upstream = this.#attempts.upstream as Upstream;
    const rewrite = this.#route.rewrite?.(this.#exchange, upstream);
    this.#sending = true;
    if (connection.wire === undefined) {
      connection.head(this.#exchange, upstream, rewrite, bodyComplete && this.#held === undefined && !head.chunked);
    } else writeRequestHead(outbox.to(connection.wire), this.#exchange, upstream, rewrite);
    this.#held?.each((piece) => {
      if (this.#connection === connection) this.#sendBody(piece, 0, piece.length);
    });
    // The server may have answered already, or failed and been replaced by another one.
    if (this.#connection !== connection) return;
    const held = this.#held;
    if (held) connection.progress(bodyComplete, held.octets);
    const mayBeSentAgain = (this.#held !== undefined || !bodyComplete) && this.repeatable;
    if (!mayBeSentAgain) this.#held = undefined;
    else if (!bodyComplete) this.#held ??= new HeldBody();
    if (bodyComplete && (head.chunked || (held && connection.wire === undefined))) this.#sendBodyEnd();
  }

  #sendBody(buffer: Buffer, start: number, end: number): void {
    writeBody(this.#connection as ServerLink, this.#exchange.head, buffer, start, end);
  }

  #sendBodyEnd(): void {
    const connection = this.#connection as ServerLink;
    writeBodyEnd(connection, this.#exchange, this.#response.client);
    if (this.#connection === connection) connection.progress(true);
  }

  #refusesBodyOf(octets: number): boolean {
    const tooLarge = this.#mostBody >= 0 && octets > this.#mostBody;
    if (tooLarge) this.#response.fail(failures.bodyTooLarge);
    return tooLarge;
  }
}
