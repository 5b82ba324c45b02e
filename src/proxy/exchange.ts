import type { AttemptFailure, ClientConnection, ResponseSink } from '../http1/client-connection.ts';
import { processDeadlines, type Watched } from '../http1/deadlines.ts';
import { EditedFields } from '../http1/edited-fields.ts';
import type { HeaderFields, RequestView, ResponseView } from '../http1/message.ts';
import { outbox } from '../http1/outbox.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { RequestSink, ServerConnection } from '../http1/server-connection.ts';
import type { WireFault } from '../http1/wire-fault.ts';
import type { ExchangeRecord } from './access-log.ts';
import type { Exchange, Failure, Route } from './contract.ts';
import { failures } from './failures.ts';
import { HeldBody } from './held-body.ts';
import type { HttpListener } from './listener.ts';
import { ownAnswer, problem } from './own-answer.ts';
import { requestIdOf } from './request-id.ts';
import { writeRequestHead } from './request-head-out.ts';
import { writeInterimHead, writeResponseHead } from './response-head-out.ts';
import { mayRetry } from './retry.ts';
import { switchesProtocol, Upgrade } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

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
 * One request on its way: listener → route → attempt → classify → retry or respond. Everything that happens to it on
 * either connection arrives here; it ends exactly once.
 */
export class ProxyExchange implements Exchange, RequestView, RequestSink, ResponseSink, Watched {
  context: unknown;
  deadline = 0;
  readonly id: string;
  /** The response has begun to be sent. */
  responding = false;
  silenceMs = 0;
  readonly #listener: HttpListener;
  readonly #client: ServerConnection;
  readonly #head: RequestHead;
  readonly #startedAt = performance.now();
  #attemptedAt = this.#startedAt;
  /** On the clock of the deadlines; 0: none. */
  #totalDeadline = 0;
  #route: Route | undefined;
  #upstream: Upstream | undefined;
  #connection: ClientConnection | undefined;
  #tried: Upstream[] | undefined;
  #attempts = 0;
  #lastFailure: Failure | undefined;
  #upgrade: Upgrade | undefined;
  /** The request's head has been sent to the present connection. */
  #sending = false;
  #held: HeldBody | undefined;
  #bodyOctets = 0;
  #responseOctets = 0;
  #requestEdits: EditedFields | undefined;
  #responseHead: ResponseHead | undefined;
  #responseEdits: EditedFields | undefined;
  #chunked = false;
  #close = false;
  #awaitsContinue = false;
  #watched = false;
  #status = 0;
  #server: string | undefined;
  #ended = false;
  #aborted = false;

  constructor(listener: HttpListener, client: ServerConnection, head: RequestHead) {
    head.retain();
    this.#listener = listener;
    this.#client = client;
    this.#head = head;
    this.id = requestIdOf(head);
  }

  // What roles and policies see

  get request(): RequestView {
    return this;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target();
  }

  get path(): string {
    const { target } = this;
    const query = target.indexOf('?');
    return query === -1 ? target : target.slice(0, query);
  }

  get authority(): string {
    return this.#head.authority();
  }

  get headers(): HeaderFields {
    this.#requestEdits ??= new EditedFields(this.#head.fields);
    return this.#requestEdits;
  }

  get response(): ResponseView {
    const head = this.#responseHead;
    if (head === undefined) throw new Error('there is no response yet');
    this.#responseEdits ??= new EditedFields(head.fields);
    return { status: head.status, headers: this.#responseEdits };
  }

  get clientAddress(): string {
    return this.#listener.peers.clientOf(this.#client.peer, this.#head.fields);
  }

  get listener(): string {
    return this.#listener.configured;
  }

  record(): ExchangeRecord {
    return {
      id: this.id,
      client: this.clientAddress,
      method: this.method,
      authority: this.authority,
      target: this.target,
      status: this.#status,
      octets: this.#responseOctets,
      durationMs: performance.now() - this.#startedAt,
      server: this.#server,
      aborted: this.#aborted,
    };
  }

  forward(route: Route): void {
    if (this.#ended) return;
    this.#route = route;
    const { limits, timeouts, retries } = route.settings;
    route.budget?.earn(retries);
    if (limits.bodyBytes > 0 && this.#head.contentLength > limits.bodyBytes) return this.fail(failures.bodyTooLarge);
    if (switchesProtocol(this.#head)) return this.#switch(route);
    this.silenceMs = timeouts.responseHead;
    if (timeouts.total > 0) this.#totalDeadline = processDeadlines.in(timeouts.total);
    this.#awaitsContinue = this.#head.expectContinue;
    if (this.#awaitsContinue || this.#totalDeadline > 0) this.#watch();
    this.#attempt(route);
    if (!this.#client.inTurn) outbox.flush();
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    if (this.#ended) return;
    this.#abandon();
    this.#close ||= !this.#head.keepAlive || this.#listener.lameDuck || !this.#client.bodyNearEnd;
    const context = { requestId: this.id, headOnly: this.method === 'HEAD', connection: this.#connectionWord() };
    const answer = ownAnswer({ status, headers, body }, context);
    this.responding = true;
    this.#status = status;
    outbox.to(this.#client.wire).octets(answer, 0, answer.length);
    outbox.flush();
    this.#finish();
  }

  fail(failure: Failure): void {
    const { status, headers, body } = problem(failure, this.id);
    this.respond(status, headers, body);
  }

  // From the client

  data(buffer: Buffer, start: number, end: number): void {
    const route = this.#route;
    this.#bodyOctets += end - start;
    if (route && route.settings.limits.bodyBytes > 0 && this.#bodyOctets > route.settings.limits.bodyBytes) {
      if (this.responding) return this.#breakOff();
      this.#close = true;
      return this.fail(failures.bodyTooLarge);
    }
    if (!this.#sending) {
      this.#held ??= new HeldBody();
      this.#held.add(buffer, start, end);
      this.#client.pause();
      return;
    }
    if (this.#held) {
      this.#held.add(buffer, start, end);
      this.#held.limit();
    }
    this.#sendBody(buffer, start, end);
    this.#connection?.progress(false);
  }

  end(): void {
    if (this.#sending) this.#sendBodyEnd();
  }

  turnEnd(): void {
    if (this.#connection?.wire.writableNeedDrain && !this.#client.bodyComplete) this.#client.pause();
  }

  clientDrained(): void {
    this.#connection?.resume();
  }

  abort(fault: WireFault | undefined): void {
    if (this.#ended) return;
    if (fault === undefined || this.responding) return this.#breakOff();
    this.#close = true;
    this.fail(fault);
  }

  // From the upstream

  connected(connection: ClientConnection): void {
    this.#send(connection);
    outbox.flush();
    if (!connection.wire.writableNeedDrain) this.#client.resume();
  }

  upstreamDrained(): void {
    this.#client.resume();
  }

  head(head: ResponseHead): void {
    if (head.status < 200) return this.#interim(head);
    const route = this.#route as Route;
    const upstream = this.#upstream as Upstream;
    upstream.answered(head.status);
    this.#server = upstream.id;
    route.observe?.(upstream, { kind: 'answered', status: head.status, headMs: performance.now() - this.#attemptedAt });
    this.#held = undefined;
    this.#awaitsContinue = false;
    this.deadline = this.#totalDeadline;
    this.#responseHead = head;
    route.respond?.(this, upstream);

    const framing = head.framingOf(this.method);
    const clientTakesChunks = this.#head.minor === 1;
    const unknownLength = framing === 'chunked' || framing === 'until-close';
    this.#chunked = clientTakesChunks && unknownLength;
    this.#close ||= !this.#head.keepAlive || this.#listener.lameDuck || (unknownLength && !clientTakesChunks) || !this.#client.bodyNearEnd;
    const wouldBeChunked = framing === 'none' && head.chunked && clientTakesChunks && head.status >= 200 && head.status !== 204;
    writeResponseHead(outbox.to(this.#client.wire), head, {
      chunked: this.#chunked || wouldBeChunked,
      connection: this.#connectionWord(),
      edits: this.#responseEdits,
      extra: route.settings.exposeServer ? `X-Served-By: ${upstream.id}\r\n` : '',
    });
    this.responding = true;
    this.#status = head.status;
    this.#responseHead = undefined;
    this.#responseEdits = undefined;
  }

  responseData(buffer: Buffer, start: number, end: number): void {
    const out = outbox.to(this.#client.wire);
    this.#responseOctets += end - start;
    if (this.#chunked) out.chunk(buffer, start, end);
    else out.octets(buffer, start, end);
  }

  responseEnd(trailers: string): void {
    this.#connection = undefined;
    this.#leaveUpstream();
    if (this.#chunked) outbox.to(this.#client.wire).text(`0\r\n${this.#head.acceptsTrailers ? trailers : ''}\r\n`);
    outbox.flush();
    this.#finish();
  }

  flushResponse(): void {
    outbox.flush();
    if (this.#ended || !this.#client.wire.writableNeedDrain) return;
    this.#connection?.pause();
    this.#client.awaitDrain();
  }

  failed(failure: AttemptFailure, reason: string): void {
    const route = this.#route as Route;
    const upstream = this.#upstream as Upstream;
    const reused = this.#connection?.reused ?? false;
    this.#connection = undefined;
    this.#sending = false;
    this.#leaveUpstream();
    upstream.failures++;
    route.observe?.(upstream, { kind: failure, reason });
    if (this.responding) return this.#breakOff();
    const replayable = this.#bodyOctets === 0 || this.#held?.complete === true;
    const attempt = { outcome: failure, attempts: this.#attempts, reused, idempotent: this.#head.idempotent, replayable };
    if (!mayRetry(attempt, route.settings.retries, route.budget)) return this.fail(failureOf[failure]);
    this.#tried = [...(this.#tried ?? []), upstream];
    this.#lastFailure = failureOf[failure];
    this.#attempt(route);
    outbox.flush();
  }

  /** Too late: the total time is over, or the upstream was not heard of after `Expect: 100-continue`. */
  expire(): void {
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      this.deadline = this.#totalDeadline;
      if (!this.responding) this.#client.wire.write('HTTP/1.1 100 Continue\r\n\r\n');
      return;
    }
    if (this.responding) return this.#breakOff();
    this.fail(failures.totalTimeout);
  }

  #attempt(route: Route): void {
    const upstream = route.pick(this, this.#tried ?? nobody);
    if (upstream === undefined) return this.fail(this.#lastFailure ?? failures.noServer);
    this.#attempts++;
    this.#attemptedAt = this.#attempts === 1 ? this.#startedAt : performance.now();
    this.#upstream = upstream;
    upstream.active++;
    upstream.requests++;
    const { pool } = upstream;
    pool.idleMs = route.settings.timeouts.upstreamIdle;
    const connection = pool.take();
    if (connection) this.#send(connection);
    else this.#connection = pool.connect(this, route.settings.timeouts.connect);
  }

  #send(connection: ClientConnection): void {
    const route = this.#route as Route;
    const bodyComplete = this.#client.bodyComplete;
    this.#connection = connection;
    connection.begin(this, this.#head.method, bodyComplete);
    writeRequestHead(outbox.to(connection.wire), this.#head, {
      rewrite: route.rewrite?.(this, this.#upstream as Upstream),
      edits: this.#requestEdits,
      requestId: this.id,
      forwarded: this.#listener.peers.forwardedLines(this.#client.peer, this.#head),
    });
    this.#sending = true;
    this.#held?.each((piece) => this.#sendBody(piece, 0, piece.length));
    const mayRepeat = connection.reused && this.#head.idempotent;
    if (!mayRepeat) this.#held = undefined;
    else if (!bodyComplete) this.#held ??= new HeldBody();
    if (bodyComplete && this.#head.chunked) this.#sendBodyEnd();
  }

  #sendBody(buffer: Buffer, start: number, end: number): void {
    const { wire } = this.#connection as ClientConnection;
    if (this.#head.chunked) outbox.to(wire).chunk(buffer, start, end);
    else outbox.to(wire).octets(buffer, start, end);
  }

  #sendBodyEnd(): void {
    const connection = this.#connection as ClientConnection;
    if (this.#head.chunked) outbox.to(connection.wire).text(`0\r\n${this.#client.trailers}\r\n`);
    connection.progress(true);
  }

  #interim(head: ResponseHead): void {
    if (head.status === 100) {
      this.#awaitsContinue = false;
      this.deadline = this.#totalDeadline;
    }
    if (this.#head.minor === 0) return;
    writeInterimHead(outbox.to(this.#client.wire), head);
    outbox.flush();
  }

  #switch(route: Route): void {
    this.#upgrade = new Upgrade({
      listener: this.#listener,
      client: this.#client,
      head: this.#head,
      exchange: this,
      edits: this.#requestEdits ?? new EditedFields(this.#head.fields),
      route,
      opening: () => {
        this.#upgrade = undefined;
        this.#status = 101;
        this.#end(false);
      },
      failed: (failure) => this.fail(failure),
    });
  }

  #watch(): void {
    this.deadline = this.#awaitsContinue ? processDeadlines.in(continueMs) : this.#totalDeadline;
    processDeadlines.watch(this);
    this.#watched = true;
  }

  #connectionWord(): 'close' | 'keep-alive' | undefined {
    if (this.#close) return 'close';
    return this.#head.minor === 0 ? 'keep-alive' : undefined;
  }

  #leaveUpstream(): void {
    if (this.#upstream) this.#upstream.active--;
    this.#upstream = undefined;
  }

  /** Gives up the attempt under way, if there is one. */
  #abandon(): void {
    this.#upgrade?.abandon();
    this.#upgrade = undefined;
    const upstream = this.#upstream;
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#sending = false;
    if (upstream === undefined) return;
    this.#leaveUpstream();
    this.#route?.observe?.(upstream, { kind: 'aborted', reason: 'given up' });
  }

  /** Ends what can't be ended well: the client sees its connection break, not a response that looks whole. */
  #breakOff(): void {
    if (this.#ended) return;
    this.#abandon();
    this.#end(true);
    this.#client.destroy();
  }

  #finish(): void {
    this.#end(false);
    this.#client.finish(this.#close);
  }

  #end(aborted: boolean): void {
    this.#ended = true;
    this.#aborted = aborted;
    if (this.#watched) processDeadlines.unwatch(this);
    this.#listener.ended(this);
  }
}
