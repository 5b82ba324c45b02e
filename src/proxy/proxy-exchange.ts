import type net from 'node:net';
import type { ExchangeRecord } from '../access-log/contract.ts';
import type { RequestSink } from '../http1/connection/request-sink.ts';
import type { ServerConnection } from '../http1/connection/server-connection.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { HeaderFields, RequestView, ResponseView } from '../http1/message/message-view.ts';
import { offeredProtocols } from '../http1/message/protocols.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { WireFault } from '../http1/message/wire-fault.ts';
import type { ClientIdentity } from '../tls/client-identity.ts';
import type { Blame } from './blame.ts';
import type { ExchangeWatcher, Failure, Route } from './contract.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import { failures } from './failures.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import { Forwarding } from './forwarding.ts';
import { HeldBody } from './held-body.ts';
import { isForwarded } from './is-local.ts';
import { loops } from './loops.ts';
import { hideOwnCookies } from './own-cookies.ts';
import { requestIdOf } from './request-id.ts';
import { type ResponseOwner, ResponseWriter } from './response-writer.ts';
import { strikeClientCerts } from './strike-client-certs.ts';
import type { ListenerProxies } from './trusted-proxies.ts';

/** The listener of an exchange, as the exchange sees it. */
export interface ExchangeOwner {
  /** Address as configured. */
  readonly configured: string;
  readonly proxies: ListenerProxies;
  readonly lameDuck: boolean;
  /** True once the listener closes: no connection is kept. */
  readonly closing: boolean;
  /** Counts exchanges for which no role sets another counter. */
  readonly counter: ExchangeCounter;
  fault(error: unknown, requestId: string): void;
  /** The exchange is not in flight any more. */
  left(): void;
  /** The connection of the exchange has been given away. */
  tunnelOpened(connection: ServerConnection, socket: net.Socket): void;
  /** Called last. `record` is called only if it is wanted. */
  log(exchange: { record(): ExchangeRecord }): void;
}

/**
 * One exchange: the request as roles and policies see it, and the path of its octets. The request's body goes to a {@link Forwarding}, if
 * the role forwards; the response, from there or made here, goes to the client through a {@link ResponseWriter}.
 */
export class ProxyExchange implements ForwardedExchange, RequestView, RequestSink, ResponseOwner {
  context: unknown;
  counter: ExchangeCounter;
  watcher: ExchangeWatcher | undefined;
  keepOpen = false;
  blame: Blame | undefined;
  ownFields: Readonly<Record<string, string>> | undefined;
  readonly id: string;
  readonly head: RequestHead;
  readonly #listener: ExchangeOwner;
  readonly #response: ResponseWriter;
  #forwarding: Forwarding | undefined;
  /** Beginning of the body, if it arrived before the role decided. */
  #early: HeldBody | undefined;
  #edits: EditedFields | undefined;
  /** Client certificate that the environment has asked about. */
  #client: ClientIdentity | undefined;
  /** Value of Client-Cert if the client has shown its certificate here. */
  #certificate: string | undefined;
  #withChain = false;

  constructor(listener: ExchangeOwner, client: ServerConnection, head: RequestHead) {
    head.retain();
    if (head.clientCertLine >= 0 && !listener.proxies.of(client.secured).believes(client.peer)) strikeClientCerts(head);
    if (head.cookieLine >= 0) hideOwnCookies(head.fields, head.cookieLine);
    this.#listener = listener;
    this.counter = listener.counter;
    this.head = head;
    this.ownFields = client.secured?.ownFields;
    this.id = requestIdOf(head);
    this.#response = new ResponseWriter(this, client);
  }

  // For roles and policies

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
    return this.#listener.proxies.of(client.secured).clientOf(client.peer, this.head.fields);
  }

  get forwarded(): boolean {
    const { fields, minor } = this.head;
    // A proxy that adds no field often speaks HTTP/1.0, as nginx does unless it is told otherwise.
    return minor === 0 || isForwarded(fields.entries().map(([name]) => name));
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
    return this.#listener.configured;
  }

  forward(route: Route): void {
    const response = this.#response;
    if (response.ended || this.#endsHere()) return;
    if (loops(this.head)) {
      if (route.blame !== undefined) this.blame = 'project';
      this.fail(failures.loop);
      return;
    }
    this.#forwarding = new Forwarding(this, response, route);
    this.#forwarding.start(this.#early);
  }

  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    this.#response.respond(status, headers, body);
  }

  fail(failure: Failure, headers?: Readonly<Record<string, string>>): void {
    this.#response.fail(failure, false, headers);
  }

  // For forwarding

  get edits(): EditedFields | undefined {
    return this.#edits;
  }

  get protocols(): string {
    return offeredProtocols(this.head);
  }

  get forwardedLines(): string {
    const { client } = this.#response;
    const lines = this.#listener.proxies.of(client.secured).forwardedLines(client.peer, this.head);
    if (this.#certificate === undefined) return lines;
    const chain = this.#withChain ? this.#client?.chainField : '';
    return `${lines}Client-Cert: ${this.#certificate}\r\n${chain ? `Client-Cert-Chain: ${chain}\r\n` : ''}`;
  }

  fault(error: unknown): void {
    this.#listener.fault(error, this.id);
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
    if (this.#forwarding) {
      this.#forwarding.body(buffer, start, end);
      return;
    }
    this.#early ??= new HeldBody();
    this.#early.add(buffer, start, end);
    this.#response.client.pause();
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
    if (fault === undefined) this.#response.breakOff();
    else this.#response.fail(fault, true);
  }

  // From the response

  get lameDuck(): boolean {
    const { lameDuck, closing } = this.#listener;
    return closing || (lameDuck && !this.keepOpen);
  }

  ended(): void {
    this.#forwarding?.abandon();
    this.#forwarding = undefined;
    this.#listener.left();
  }

  handedOver(socket: net.Socket): void {
    this.#forwarding = undefined;
    this.#listener.left();
    this.#listener.tunnelOpened(this.#response.client, socket);
  }

  counted(): void {
    this.watcher?.ended(this.record());
    this.#listener.log(this);
  }

  record(): ExchangeRecord {
    const { head } = this;
    const { status, octets, durationMs, server, aborted } = this.#response;
    return {
      id: this.id,
      client: this.clientAddress,
      method: this.method,
      scheme: this.secure ? 'https' : 'http',
      authority: this.authority,
      target: this.target,
      minor: head.minor,
      referer: head.fields.get('referer'),
      userAgent: head.fields.get('user-agent'),
      clientCertificate: this.#client?.subject,
      status,
      octets,
      durationMs,
      server,
      aborted,
    };
  }

  /**
   * Answers an OPTIONS or TRACE whose Max-Forwards is used up (RFC 9110 section 7.6.2), and lowers it in any other.
   * TRACE is not reflected, because that would show what proxies before us have added.
   */
  #endsHere(): boolean {
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
}
