import type net from 'node:net';
import type { ExchangeRecord } from '../access-log/contract.ts';
import type { Outbox } from '../http1/connection/outbox.ts';
import type { RequestSink } from '../http1/connection/request-sink.ts';
import type { BodyObserver, BodyStream } from '../http1/message/bodies.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import type { HeaderFields, RequestView, ResponseView } from '../http1/message/message-view.ts';
import { offeredProtocols } from '../http1/message/protocols.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { WireFault } from '../http1/message/wire-fault.ts';
import { balancerField } from '../model/server-identity.ts';
import type { ClientIdentity } from '../tls/client-identity.ts';
import { absentClient, BackgroundOwner, copiedHead, hasRoom } from './background.ts';
import type { Blame } from './blame.ts';
import { type BodyTap, tapped } from './body-tap.ts';
import { CollectedBody, describeContent, noBody, unexpect } from './collected-body.ts';
import type { AnswerFields, ExchangeWatcher, Failure, OwnFields, Route } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import type { EndCounter, ExchangeCounter } from './exchange-counter.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { recordOf } from './exchange-record.ts';
import { failures } from './failures.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import { Forwarding } from './forwarding.ts';
import { HeldBody } from './held-body.ts';
import { noteIntroduction } from './introduced-balancers.ts';
import { isForwarded } from './is-local.ts';
import { loops } from './loops.ts';
import { endsHere } from './max-forwards.ts';
import { hideOwnCookies } from './own-cookies.ts';
import { givenRequestId, nextRequestNumber, numberedId, writeNumberedId } from './request-id.ts';
import type { ResponseOwner } from './response-owner.ts';
import { ResponseWriter } from './response-writer.ts';
import { strikeClientCerts } from './strike-client-certs.ts';

/**
 * One exchange: the request as roles and policies see it, and the path of its octets. The request's body goes to a {@link Forwarding}, if
 * the role forwards; the response, from there or made here, goes to the client through a {@link ResponseWriter}.
 */
export class ProxyExchange implements ForwardedExchange, RequestView, RequestSink, ResponseOwner {
  context: unknown;
  counter: ExchangeCounter;
  callerCounter: EndCounter | undefined;
  watcher: ExchangeWatcher | undefined;
  fallback: ((failure: Failure) => boolean) | undefined;
  keepOpen = false;
  blame: Blame | undefined;
  consumer: string | undefined;
  tellsConsumer = false;
  home: string | undefined;
  ownFields: Readonly<Record<string, string>> | undefined;
  moreFields: OwnFields | undefined;
  readonly head: RequestHead;
  /** Undefined until a new id, which has a number, is read as text. */
  #id: string | undefined;
  /** 0: the client has given an id. */
  readonly #idNumber: number;
  readonly owner: ExchangeOwner;
  readonly #response: ResponseWriter;
  #forwarding: Forwarding | undefined;
  /** Beginning of the body, if it arrived before the role decided, or all of it. */
  #early: HeldBody | undefined;
  #collected: CollectedBody | undefined;
  #tap: BodyTap | undefined;
  bodyLimit: number | undefined;
  #edits: EditedFields | undefined;
  /** Client certificate that the environment has asked about. */
  #client: ClientIdentity | undefined;
  /** Value of Client-Cert if the client has shown its certificate here. */
  #certificate: string | undefined;
  #withChain = false;

  /** @param outer the same request in the role in front, which has read its head already; undefined: this role is the first */
  constructor(listener: ExchangeOwner, client: ExchangeClient, head: RequestHead, outer?: ProxyExchange) {
    this.owner = listener;
    this.counter = listener.counter;
    this.head = head;
    if (outer === undefined) {
      head.retain();
      if (head.clientCertLine >= 0 && !listener.proxies.of(client).believes(client.peer)) strikeClientCerts(head);
      if (head.cookieLine >= 0) hideOwnCookies(head.fields, head.cookieLine);
      this.ownFields = client.secured?.ownFields;
      this.#id = givenRequestId(head);
    } else {
      this.#identifyAs(outer);
      this.#edits = outer.#edits?.copy();
      this.#id = outer.#id;
    }
    this.#idNumber = outer !== undefined ? outer.#idNumber : this.#id === undefined ? nextRequestNumber() : 0;
    this.#response = new ResponseWriter(this, client);
  }

  // For roles and policies

  get id(): string {
    this.#id ??= numberedId(this.#idNumber);
    return this.#id;
  }

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
    this.#edits ??= new EditedFields(this.head.fields);
    return this.#edits;
  }

  get response(): ResponseView {
    return this.#response.view;
  }

  get clientAddress(): string {
    const { client } = this.#response;
    return this.owner.proxies.of(client).clientOf(client.peer, this.head.fields);
  }

  get forwarded(): boolean {
    // A proxy that adds no field often speaks HTTP/1.0, as nginx does unless it is told otherwise.
    return this.head.minor === 0 || isForwarded(this.head.fields.entries().map(([name]) => name));
  }

  get secure(): boolean {
    return this.#response.client.secured !== undefined;
  }

  get clientCertificate(): string | undefined {
    if (this.#certificate !== undefined) return this.#certificate;
    return this.head.clientCertLine < 0 ? undefined : this.headers.get('client-cert');
  }

  get clientSubject(): string | undefined {
    return this.#certificate === undefined ? undefined : this.#client?.subject;
  }

  introduced(): void {
    noteIntroduction(this.#response.client, this.headers);
    this.#response.client.proof = this.headers.get(balancerField);
  }

  get fromBalancer(): boolean {
    return this.#response.client.secured?.ofBalancer === true;
  }

  identify(files: string, withChain: boolean): 'missing' | 'refused' | 'accepted' {
    const client = this.#response.client.secured?.client;
    if (client === undefined) return 'missing';
    this.#client = client;
    if (!client.isIssuedBy(files)) return 'refused';
    if (this.head.clientCertLine >= 0) strikeClientCerts(this.head);
    this.#certificate = client.field;
    this.#withChain = withChain;
    return 'accepted';
  }

  get listener(): string {
    return this.owner.configured;
  }

  get over(): boolean {
    return this.#response.ended;
  }

  limitBody(most: number): void {
    if (this.bodyLimit === undefined || most < this.bodyLimit) this.bodyLimit = most;
  }

  collectBody(most: number): Buffer | undefined | Promise<Buffer | undefined> {
    this.limitBody(most);
    const { client, ended } = this.#response;
    const { head } = this;
    if (ended) return undefined;
    if (this.#exceeds(head.contentLength) || this.#exceeds(this.#early?.octets ?? 0)) {
      this.fail(failures.bodyTooLarge);
      return undefined;
    }
    if (client.bodyComplete) return this.#early?.whole() ?? noBody;
    if (head.expectContinue) {
      if (this.#early === undefined) this.#response.continue();
      unexpect(head);
    }
    this.#collected ??= new CollectedBody();
    client.resume();
    return this.#collected.promise;
  }

  tapBody(most: number, done: (body: Buffer | undefined) => void): void {
    this.#tap = tapped({ most, done }, this.#early, this.#response.client.bodyComplete);
  }

  replaceBody(body: Buffer): void {
    if (!this.#response.client.bodyComplete) throw new Error('the body can be replaced once it has been read: call collectBody before');
    this.#early = HeldBody.of(body);
    this.bodyLimit = undefined;
    describeContent(this.head, this.headers, body.length);
  }

  copy(): ProxyExchange | undefined {
    const head = hasRoom() ? copiedHead(this, this.secure) : undefined;
    if (head === undefined) return undefined;
    const owner = new BackgroundOwner(this.owner);
    const copy = new ProxyExchange(owner, absentClient(this.#response.client), head);
    copy.#identifyAs(this);
    owner.begin(() => copy.#response.breakOff());
    return copy;
  }

  observeResponse(observer: BodyObserver): void {
    this.#response.observe(observer);
  }

  transformResponse(make: () => BodyStream): boolean {
    return this.#response.transform(make);
  }

  replaceResponse(most: number, change: (body: Buffer) => Buffer): boolean {
    return this.#response.replace(most, change);
  }

  forward(route: Route): void {
    const response = this.#response;
    if (response.ended || endsHere(this, this.head)) return;
    if (loops(this.head)) {
      if (route.blame !== undefined) this.blame = 'project';
      this.fail(failures.loop);
      return;
    }
    this.#forwarding = new Forwarding(this, response, route);
    this.#forwarding.start(this.#early);
  }

  respond(status: number, headers: AnswerFields, body: string | Buffer): void {
    this.#response.answer(status, headers, body);
  }

  fail(failure: Failure, headers?: Readonly<Record<string, string>>): void {
    this.#response.fail(failure, false, headers);
  }

  // For forwarding

  get edits(): EditedFields | undefined {
    return this.#edits;
  }

  get client(): ExchangeClient {
    return this.#response.client;
  }

  passOn(owner: ExchangeOwner, client: ExchangeClient): ProxyExchange {
    return new ProxyExchange(owner, client, this.head, this);
  }

  get protocols(): string {
    return offeredProtocols(this.head);
  }

  get passedOn(): boolean {
    return this.owner.proxies.of(this.#response.client).passesOn;
  }

  writeOrigin(out: Outbox): void {
    const { client } = this.#response;
    const lines = this.owner.proxies.of(client).forwardedOctets(client.peer, this.head);
    out.octets(lines, 0, lines.length);
    if (this.#certificate !== undefined) this.#writeCertificate(out, this.#certificate);
    if (this.#idNumber === 0) out.text(`X-Request-Id: ${this.#id}\r\n`);
    else writeNumberedId(out, this.#idNumber);
  }

  fault(error: unknown): void {
    this.owner.fault(error, this.id);
  }

  crashed(error: unknown): void {
    this.fault(error);
    this.blame = undefined;
    if (this.#response.client.wire.destroyed) this.#response.breakOff();
    else this.#response.fail(failures.internal, true);
  }

  // From the client

  get responding(): boolean {
    return this.#response.begun;
  }

  data(buffer: Buffer, start: number, end: number): void {
    this.#tap?.data(buffer, start, end);
    if (this.#forwarding) {
      this.#forwarding.body(buffer, start, end);
      return;
    }
    this.#early ??= new HeldBody();
    this.#early.add(buffer, start, end);
    if (this.#collected === undefined) this.#response.client.pause();
    else if (this.#exceeds(this.#early.octets)) this.fail(failures.bodyTooLarge);
  }

  end(): void {
    if (this.#forwarding) this.#forwarding.bodyEnd();
    else this.#collected?.end(this.#early?.whole() ?? noBody);
    this.#tap?.end();
  }

  turnEnd(): void {
    this.#forwarding?.bodyFlushed();
  }

  clientDrained(): void {
    if (!this.#response.drained()) this.#forwarding?.resume();
  }

  abort(fault: WireFault | undefined): void {
    if (fault === undefined) this.#response.breakOff();
    else this.#response.fail(fault, true);
  }

  // From the response

  get lameDuck(): boolean {
    const { lameDuck, closing } = this.owner;
    return closing || (lameDuck && !this.keepOpen);
  }

  replaces(failure: Failure): boolean {
    const { fallback } = this;
    if (fallback === undefined || failure.status < 502) return false;
    this.fallback = undefined;
    return fallback(failure);
  }

  takesMore(): void {
    this.#forwarding?.resume();
  }

  ended(): void {
    this.#forwarding?.abandon();
    this.#forwarding = undefined;
    this.#collected?.end(undefined);
    this.#tap?.close();
    this.#early = undefined;
    this.owner.left();
  }

  handedOver(socket: net.Socket): void {
    this.#forwarding = undefined;
    this.owner.tunnelOpened(this.#response.client, socket);
    this.owner.left();
  }

  counted(): void {
    const { watcher } = this;
    watcher?.settled?.(this.#response);
    watcher?.ended?.(this.record());
    this.owner.log(this);
  }

  record(): ExchangeRecord {
    return recordOf(this, this.#response, this.#client?.subject);
  }

  /** Takes over the client certificate of the same request. */
  #identifyAs(other: ProxyExchange): void {
    this.#client = other.#client;
    this.#certificate = other.#certificate;
    this.#withChain = other.#withChain;
  }

  #writeCertificate(out: Outbox, certificate: string): void {
    const chain = this.#withChain ? this.#client?.chainField : '';
    out.text(`Client-Cert: ${certificate}\r\n${chain ? `Client-Cert-Chain: ${chain}\r\n` : ''}`);
  }

  #exceeds(octets: number): boolean {
    return this.bodyLimit !== undefined && octets > this.bodyLimit;
  }
}
