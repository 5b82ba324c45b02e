import type { ExchangeRecord } from '../access-log/access-log.ts';
import { outbox } from '../http1/connection/outbox.ts';
import type { RequestSink, ServerConnection } from '../http1/connection/server-connection.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-names.ts';
import type { HeaderFields, RequestView, ResponseView } from '../http1/message/message.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import type { WireFault } from '../http1/message/wire-fault.ts';
import type { Exchange, ExchangeWatcher, Failure, Outcome, Route } from './contract.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import { failures } from './failures.ts';
import { Forwarding } from './forwarding.ts';
import { HeldBody } from './held-body.ts';
import type { HttpListener } from './http-listener.ts';
import { ownAnswer, problem } from './own-answer.ts';
import { requestIdOf } from './request-id.ts';
import { writeInterimHead, writeResponseHead } from './response-head-out.ts';
import { switchesProtocol, Upgrade } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

/** One request and what its client is answered; it ends exactly once. How the answer is come by is its {@link Forwarding}'s business. */
export class ProxyExchange implements Exchange, RequestView, RequestSink {
  context: unknown;
  counter: ExchangeCounter;
  watcher: ExchangeWatcher | undefined;
  readonly id: string;
  readonly client: ServerConnection;
  readonly head: RequestHead;
  /** The response has begun to be sent. */
  responding = false;
  ended = false;
  readonly #listener: HttpListener;
  readonly #startedAt = performance.now();
  #forwarding: Forwarding | undefined;
  #upgrade: Upgrade | undefined;
  /** What came of the body before the role said what to do. */
  #early: HeldBody | undefined;
  #requestEdits: EditedFields | undefined;
  #responseHead: ResponseHead | undefined;
  #responseEdits: EditedFields | undefined;
  #chunked = false;
  #close = false;
  #status = 0;
  #responseOctets = 0;
  #server: string | undefined;
  #aborted = false;

  constructor(listener: HttpListener, client: ServerConnection, head: RequestHead) {
    head.retain();
    this.#listener = listener;
    this.counter = listener.counter;
    this.client = client;
    this.head = head;
    this.id = requestIdOf(head);
  }

  // What roles and policies see

  get request(): RequestView {
    return this;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target();
  }

  get path(): string {
    const { target } = this;
    const query = target.indexOf('?');
    return query === -1 ? target : target.slice(0, query);
  }

  get plain(): boolean {
    return this.head.plain;
  }

  get authority(): string {
    return this.head.authority();
  }

  get headers(): HeaderFields {
    this.#requestEdits ??= new EditedFields(this.head.fields);
    return this.#requestEdits;
  }

  get response(): ResponseView {
    const head = this.#responseHead;
    if (head === undefined) throw new Error('there is no response yet');
    this.#responseEdits ??= new EditedFields(head.fields);
    return { status: head.status, headers: this.#responseEdits };
  }

  get clientAddress(): string {
    return this.#listener.peers.clientOf(this.client.peer, this.head.fields);
  }

  get listener(): string {
    return this.#listener.configured;
  }

  forward(route: Route): void {
    if (this.ended || this.#answersForwardsSpent()) return;
    if (switchesProtocol(this.head)) {
      this.#upgrade = new Upgrade({ exchange: this, listener: this.#listener, route });
      this.#upgrade.start();
      return;
    }
    this.#forwarding = new Forwarding(this, route);
    this.#forwarding.start(this.#early);
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    if (this.ended) return;
    this.#abandon();
    this.#close ||= !this.head.keepAlive || this.#listener.lameDuck || !this.client.bodyNearEnd;
    const context = { requestId: this.id, headOnly: this.method === 'HEAD', connection: this.#connectionWord() };
    const answer = ownAnswer({ status, headers, body }, context);
    this.responding = true;
    this.#status = status;
    if (!context.headOnly) this.#responseOctets = Buffer.byteLength(body);
    outbox.to(this.client.wire).octets(answer, 0, answer.length);
    outbox.post();
    this.#finish();
  }

  fail(failure: Failure): void {
    if (!this.ended) this.counter.answeredHere(failure.code);
    const { status, headers, body } = problem(failure, this.id);
    this.respond(status, headers, body);
  }

  // What an access log gets to know

  record(): ExchangeRecord {
    return {
      id: this.id,
      client: this.clientAddress,
      method: this.method,
      authority: this.authority,
      target: this.target,
      minor: this.head.minor,
      referer: this.head.fields.get('referer'),
      userAgent: this.head.fields.get('user-agent'),
      status: this.#status,
      octets: this.#responseOctets,
      durationMs: performance.now() - this.#startedAt,
      server: this.#server,
      aborted: this.#aborted,
    };
  }

  // From the client

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#forwarding) {
      this.#forwarding.body(buffer, start, end);
      return;
    }
    this.#early ??= new HeldBody();
    this.#early.add(buffer, start, end);
    this.client.pause();
  }

  end(): void {
    this.#forwarding?.bodyEnd();
  }

  turnEnd(): void {
    this.#forwarding?.bodyFlushed();
  }

  clientDrained(): void {
    this.#forwarding?.resume();
  }

  abort(fault: WireFault | undefined): void {
    if (this.ended) return;
    if (fault === undefined || this.responding) {
      this.breakOff();
      return;
    }
    this.#close = true;
    this.fail(fault);
  }

  /** A bug met this exchange, and nothing else: it ends. */
  crashed(error: unknown): void {
    this.#listener.fault(error, this.id);
    if (this.ended) return;
    // Half a head, perhaps.
    outbox.discard(this.client.wire);
    this.#close = true;
    if (this.responding || this.client.wire.destroyed) this.breakOff();
    else this.fail(failures.internal);
  }

  // For those who forward

  /** Fields of the request as policies changed them. */
  get edits(): EditedFields | undefined {
    return this.#requestEdits;
  }

  /** `X-Forwarded-*` and `Forwarded` as complete lines. */
  get forwardedLines(): string {
    return this.#listener.peers.forwardedLines(this.client.peer, this.head);
  }

  /** `X-Served-By`, if the route tells, as a complete line. */
  servedBy(route: Route, upstream: Upstream): string {
    this.#server = upstream.id;
    return route.settings.exposeServer ? `X-Served-By: ${upstream.id}\r\n` : '';
  }

  /** Tells the route how an attempt went, which has no part in the exchange: a bug there does it no harm. */
  observe(route: Route, upstream: Upstream, outcome: Outcome): void {
    try {
      route.observe?.(upstream, outcome);
    } catch (error) {
      this.#listener.fault(error, this.id);
    }
  }

  sendContinue(): void {
    if (this.responding) return;
    outbox.to(this.client.wire).text('HTTP/1.1 100 Continue\r\n\r\n');
    outbox.post();
  }

  /** Never to HTTP/1.0, which has no interim responses (RFC 9110 section 15.2). */
  sendInterim(head: ResponseHead): void {
    if (this.head.minor === 0) return;
    writeInterimHead(outbox.to(this.client.wire), head);
    outbox.post();
  }

  beginResponse(head: ResponseHead, route: Route, upstream: Upstream): void {
    this.#responseHead = head;
    route.respond?.(this, upstream);
    const framing = head.framingOf(this.method);
    const takesChunks = this.head.minor === 1;
    const unknownLength = framing === 'chunked' || framing === 'until-close';
    this.#chunked = takesChunks && unknownLength;
    this.#close ||= !this.head.keepAlive || this.#listener.lameDuck || (unknownLength && !takesChunks) || !this.client.bodyNearEnd;
    const wouldBeChunked = framing === 'none' && head.chunked && takesChunks && head.status !== 204;
    writeResponseHead(outbox.to(this.client.wire), head, {
      chunked: this.#chunked || wouldBeChunked,
      connection: this.#connectionWord(),
      edits: this.#responseEdits,
      extra: this.servedBy(route, upstream),
    });
    this.responding = true;
    this.#status = head.status;
    this.#responseHead = undefined;
    this.#responseEdits = undefined;
  }

  sendData(buffer: Buffer, start: number, end: number): void {
    const out = outbox.to(this.client.wire);
    this.#responseOctets += end - start;
    if (this.#chunked) out.chunk(buffer, start, end);
    else out.octets(buffer, start, end);
  }

  endResponse(trailers: string): void {
    if (this.#chunked) outbox.to(this.client.wire).text(`0\r\n${this.head.acceptsTrailers ? trailers : ''}\r\n`);
    outbox.post();
    this.#finish();
  }

  /** Ends what can't be ended well: the client sees its connection break, not a response that looks whole. */
  breakOff(): void {
    if (this.ended) return;
    this.#end(true);
    this.client.destroy();
  }

  /** The client's connection is given away; `switched` tells how that ended. */
  handOver(): void {
    this.#upgrade = undefined;
    this.ended = true;
    this.#listener.left();
  }

  /** What the client of a connection that was given away was answered; 101: it is a tunnel now; 0: it is gone. */
  switched(status: number, upstream: Upstream): void {
    this.#status = status;
    this.#server = upstream.id;
    this.#aborted = status === 0;
    this.#count();
  }

  /**
   * Max-Forwards (RFC 9110 section 7.6.2): one less on the way, and at none left Sluice is who the request is for.
   * TRACE is not reflected, because it would show what proxies before us have added.
   */
  #answersForwardsSpent(): boolean {
    if (this.method !== 'OPTIONS' && this.method !== 'TRACE') return false;
    const line = this.head.fields.indexOf(fieldIds['max-forwards']);
    const given = line < 0 ? '' : this.head.fields.value(line);
    if (!/^\d{1,9}$/.test(given)) return false;
    const left = Number(given);
    if (left > 0) this.headers.set('Max-Forwards', String(left - 1));
    else if (this.method === 'OPTIONS') this.respond(204, {}, '');
    else this.fail(failures.traceEndsHere);
    return left === 0;
  }

  #connectionWord(): 'close' | 'keep-alive' | undefined {
    if (this.#close) return 'close';
    return this.head.minor === 0 ? 'keep-alive' : undefined;
  }

  #finish(): void {
    this.#end(false);
    this.client.finish(this.#close);
  }

  #abandon(): void {
    this.#forwarding?.abandon();
    this.#forwarding = undefined;
    this.#upgrade?.abandon();
    this.#upgrade = undefined;
  }

  #end(aborted: boolean): void {
    this.ended = true;
    this.#aborted = aborted;
    this.#abandon();
    this.#listener.left();
    this.#count();
  }

  #count(): void {
    const { counter } = this;
    counter.ended(this.#status, performance.now() - this.#startedAt);
    counter.responseOctets += this.#responseOctets;
    if (this.#aborted) counter.aborted++;
    this.watcher?.ended(this.record());
    this.#listener.log(this);
  }
}
