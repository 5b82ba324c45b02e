import net from 'node:net';
import type { AccessLog, ExchangeRecord } from '../access-log/contract.ts';
import { takeConnections, toSecure } from '../http1/connection/accepted.ts';
import { processDeadlines } from '../http1/connection/deadlines.ts';
import type { DirectAccepted } from '../http1/connection/direct-accepted.ts';
import { outbox } from '../http1/connection/outbox.ts';
import { discard, type RequestSink } from '../http1/connection/request-sink.ts';
import { ServerConnection, type ServerConnectionOwner } from '../http1/connection/server-connection.ts';
import type { ServerConnectionSettings } from '../http1/connection/server-connection-settings.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { WireFault } from '../http1/message/wire-fault.ts';
import type { LinkWire } from '../link/link-wire.ts';
import { formatAddress } from '../model/address.ts';
import type { ListenerCounts } from '../model/counts.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { unmapped } from '../model/ip-address.ts';
import { LongestIdle, settledMs } from '../model/longest-idle.ts';
import type { ConnectionEnds } from '../model/proxy-protocol.ts';
import { Handshakes } from '../tls/handshakes.ts';
import type { Secured, SecuredConnection, SecureSocket } from '../tls/secured-connection.ts';
import { Admission, type AdmissionOwner } from './admission.ts';
import { answerChallenge } from './answer-challenge.ts';
import { blameField } from './blame.ts';
import { bindSocket } from './bound-socket.ts';
import { connectionSettings } from './connection-settings.ts';
import type { Handler, Listener, ListenerSettings } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import { ExchangeCounter } from './exchange-counter.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { failures } from './failures.ts';
import { isStream, type LinksOwner, ListenerLinks } from './listener-links.ts';
import { problem, writeOwnAnswer } from './own-answer.ts';
import { ProxyExchange } from './proxy-exchange.ts';
import { type ProxyHeaderOwner, ProxyHeaderReader } from './proxy-header-reader.ts';
import { redirectToHttps } from './redirect-to-https.ts';
import { refusedSenders } from './refused-senders.ts';
import { newRequestId } from './request-id.ts';
import { ListenerProxies, TrustedProxies } from './trusted-proxies.ts';

const backlog = 4096;
/** Milliseconds for which idle connections stay open when their listener closes: a request may be on its way already. */
const lastRequestMs = 500;
/** Longest TLS handshake, in milliseconds, if heads have no time limit. */
const handshakeMs = 10_000;

/**
 * Opens a listener for a role. Rejects with the system's error if it cannot listen on the address.
 * @param beside this process already listens on an address that overlaps with this one
 */
export async function openListener(
  address: string,
  settings: ListenerSettings,
  handler: Handler,
  accessLog?: AccessLog,
  beside = false,
): Promise<Listener> {
  const listener = new HttpListener(address, settings, handler, accessLog);
  await listener.open((await bindSocket(address, beside)).handle);
  return listener;
}

/** A listener: accepts connections, gives each request to the role as an exchange, and closes without losing a request. */
export class HttpListener implements Listener, ServerConnectionOwner, ExchangeOwner, AdmissionOwner, ProxyHeaderOwner, LinksOwner {
  readonly configured: string;
  readonly deadlines = processDeadlines;
  readonly handler: Handler;
  /** Counts exchanges for which no role sets another counter, and malformed requests. */
  readonly counter = new ExchangeCounter();
  lameDuck = false;
  proxies!: ListenerProxies;
  settings!: ServerConnectionSettings;
  readonly #accessLog: AccessLog | undefined;
  readonly #server: net.Server;
  readonly #connections = new Set<ServerConnection>();
  /** Streams of links: only their links count as connections, since a stream has no descriptor. */
  readonly #streams = new Set<ServerConnection>();
  readonly #links = new ListenerLinks(this, this.#connections, () => this.#roomMade());
  readonly #longestIdle = new LongestIdle(this.#connections);
  readonly #tunnels = new Set<net.Socket>();
  /** Connections that wait for their header of the PROXY protocol. */
  readonly #headless = new Set<ProxyHeaderReader>();
  readonly #longestHeadless = new LongestIdle(this.#headless);
  /** Senders of that header; undefined: there are none. */
  #senders: TrustedProxies | undefined;
  readonly #admission = new Admission(this);
  /** Undefined: connections are plain. */
  #handshakes: Handshakes | undefined;
  readonly #secured: Secured = (socket, about) => void this.#serve(socket, undefined, about);
  #most = Number.POSITIVE_INFINITY;
  #tellsFaults = false;
  #mayBePlain: ListenerSettings['mayBePlain'];
  #redirectPort: number | undefined;
  #challengeAnswers: ListenerSettings['challengeAnswers'];
  /** Exchanges in flight. */
  #active = 0;
  #accepted = 0;
  #closedForRoom = 0;
  #refused = 0;
  /** Connections still to be closed by `shed`. */
  #surplus = 0;
  #emptied: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(address: string, settings: ListenerSettings, handler: Handler, accessLog: AccessLog | undefined) {
    this.configured = address;
    this.handler = handler;
    this.#accessLog = accessLog;
    this.update(settings);
    this.#server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (accepted) => {
      this.#accepted++;
      if (accepted.remoteAddress === undefined) accepted.destroy();
      else if (this.full || this.#admission.length > 0) this.#admission.arrive(accepted);
      else this.admit(accepted);
    });
  }

  /** Starts to accept connections. @param bound handle of a bound socket, by this process or another one */
  open(bound: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      const opened = () => {
        this.#server.off('error', reject);
        // Nothing is to be done here: of accepts that fail for lack of descriptors no event tells.
        this.#server.on('error', () => {});
        takeConnections(this.#server, (accepted) => this.#takeAtOnce(accepted));
        resolve();
      };
      this.#server.listen(bound, backlog, opened);
    });
  }

  update(settings: ListenerSettings): void {
    const { connections = 'auto' } = settings;
    this.#most = connections === 'auto' ? Number.POSITIVE_INFINITY : connections;
    this.#tellsFaults = settings.tellsFaults === true;
    this.#redirectPort = settings.redirectPort;
    this.#challengeAnswers = settings.challengeAnswers;
    this.#updateTls(settings);
    this.#mayBePlain = settings.mayBePlain;
    this.proxies = new ListenerProxies(settings.trustedProxies, settings.knowsBalancer);
    const { proxyProtocol = [] } = settings;
    this.#senders = proxyProtocol.length === 0 ? undefined : new TrustedProxies(proxyProtocol);
    this.settings = connectionSettings(settings);
  }

  get address(): string {
    const bound = this.#server.address();
    return bound === null || typeof bound === 'string' ? this.configured : formatAddress(bound.address, bound.port);
  }

  get connections(): number {
    return this.#connections.size + this.#links.size + this.#tunnels.size + this.#headless.size + (this.#handshakes?.size ?? 0);
  }

  get limit(): number {
    const { most, open } = processDescriptors;
    const limit = Math.min(this.#most, most - (open - this.connections));
    return limit === Number.POSITIVE_INFINITY ? 0 : Math.max(1, limit);
  }

  get full(): boolean {
    return this.connections >= this.#most || processDescriptors.full;
  }

  makeRoom(): boolean {
    const before = processDeadlines.before - settledMs;
    if (this.connections < this.#most) return processDescriptors.makeRoom();
    return this.#longestHeadless.close(before) || this.#longestIdle.close(before) || this.#handshakes?.endOldest(before) === true;
  }

  admit(socket: net.Socket): void {
    if (this.#isSender(socket)) this.#headless.add(new ProxyHeaderReader(this, socket, this.settings.headMs));
    else if (this.#handshakes === undefined || this.#isPlain(socket)) this.#serve(socket);
    else this.#handshakes.begin(toSecure(socket), this.#secured);
  }

  secure(connection: ServerConnection, octets: Buffer): boolean {
    if (this.#handshakes === undefined || this.#mayBePlain === undefined || connection.secured !== undefined) return false;
    if (isStream(connection)) return false;
    this.#connections.delete(connection);
    processDescriptors.closed(connection.wire);
    this.#handshakes.begin(toSecure(connection.release().socket, Buffer.from(octets)), this.#secured);
    return true;
  }

  headerRead(reader: ProxyHeaderReader, socket: net.Socket, ends: ConnectionEnds | undefined, rest: Buffer): void {
    this.#headless.delete(reader);
    if (this.#handshakes !== undefined) {
      this.#handshakes.begin(toSecure(socket, rest), (secure, about) => void this.#serve(secure, ends, about), ends?.source);
      return;
    }
    const connection = this.#serve(socket, ends);
    if (rest.length === 0) return;
    try {
      connection.octets(rest, 0, rest.length);
    } catch (error) {
      connection.crashed(error);
    }
  }

  headerRefused(reader: ProxyHeaderReader, socket: net.Socket, reason: string): void {
    this.#headless.delete(reader);
    refusedSenders.tell({ sender: socket.remoteAddress, listener: this.configured, reason });
    if (this.#handshakes === undefined) {
      this.refuse(this.#serve(socket), failures.badProxyHeader);
      return;
    }
    this.counter.answeredHere(failures.badProxyHeader.code);
    socket.destroy();
    this.#roomMade();
  }

  headerGone(reader: ProxyHeaderReader): void {
    this.#headless.delete(reader);
    this.#roomMade();
  }

  turnAway(socket: net.Socket): { destroy(): void } {
    this.#refused++;
    const refuse = (accepted: SecureSocket, secured?: SecuredConnection) => {
      const connection = this.#serve(accepted, undefined, secured);
      this.refuse(connection, failures.tooManyConnections);
      return connection;
    };
    if (this.#handshakes === undefined || this.#isPlain(socket)) return refuse(socket);
    // The answer could only follow the header and the handshake.
    return this.#isSender(socket) ? socket.destroy() : this.#handshakes.begin(toSecure(socket), refuse);
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  get counts(): ListenerCounts {
    return { ...this.counter.counts, accepted: this.#accepted, closedForRoom: this.#closedForRoom, refused: this.#refused };
  }

  get active(): number {
    return this.#active + this.#tunnels.size;
  }

  /** Closes this many connections, each with its next answer: their clients connect again, and may reach other processes at the address. */
  shed(connections: number): void {
    this.#surplus = connections;
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  #close(graceMs: number): Promise<void> {
    this.lameDuck = true;
    this.#server.close();
    this.#admission.end();
    this.#links.close();
    if (this.connections === 0) return Promise.resolve();
    return new Promise((resolve) => {
      // setImmediate lets pending socket reads run first: if the process was stalled, requests that came meanwhile are not read yet.
      const idle = setTimeout(() => setImmediate(() => this.#closeIdle()), Math.min(lastRequestMs, graceMs));
      const end = setTimeout(() => this.#destroyAll(), graceMs);
      this.#emptied = () => {
        clearTimeout(idle);
        clearTimeout(end);
        resolve();
      };
    });
  }

  request(connection: ServerConnection, head: RequestHead): RequestSink {
    if (this.#surplus > 0) {
      this.#surplus--;
      // The same as if the client had asked for it: the answer says `Connection: close`.
      head.keepAlive = false;
    }
    if (head.upgrade && this.#links.takes(connection, head)) return discard;
    const exchange = new ProxyExchange(this, connection, head);
    this.#active++;
    try {
      if (this.#challengeAnswers !== undefined && answerChallenge(exchange, this.#challengeAnswers)) return exchange;
      if (this.#redirectPort !== undefined) redirectToHttps(exchange, this.#redirectPort);
      else if (connection.secured?.answersFor(exchange.authority) === false) exchange.fail(failures.misdirected);
      else this.handler.request(exchange);
    } catch (error) {
      exchange.crashed(error);
    }
    return exchange;
  }

  fault(error: unknown, requestId?: string): void {
    this.handler.fault(error, requestId);
  }

  refuse(connection: ServerConnection, fault: WireFault): void {
    this.counter.answeredHere(fault.code);
    const requestId = newRequestId();
    const said = problem(fault, requestId);
    if (this.#tellsFaults && fault === failures.tooManyConnections) said.headers[blameField] = 'shortage';
    Object.assign(said.headers, connection.secured?.ownFields);
    writeOwnAnswer(outbox.to(connection.wire), said, { requestId, headOnly: false, connection: 'close' });
    connection.close();
  }

  closed(connection: ServerConnection): void {
    if (this.#streams.delete(connection)) return;
    this.#connections.delete(connection);
    this.#roomMade();
  }

  gaveWay(connection: ServerConnection): void {
    this.#closedForRoom++;
    this.#connections.delete(connection);
    this.#checkEmptied();
  }

  left(): void {
    this.#active--;
  }

  serveStream(wire: LinkWire, { announced, secured, proof }: ServerConnection): void {
    const connection = new ServerConnection(wire, this, announced, secured);
    connection.proof = proof;
    this.#streams.add(connection);
  }

  log(exchange: { record(): ExchangeRecord }): void {
    if (this.#accessLog === undefined) return;
    try {
      this.#accessLog(exchange.record());
    } catch (error) {
      this.fault(error);
    }
  }

  tunnelOpened(connection: ExchangeClient, socket: net.Socket): void {
    this.#connections.delete(connection as ServerConnection);
    this.#tunnels.add(socket);
    socket.once('close', () => {
      this.#tunnels.delete(socket);
      this.#checkEmptied();
    });
  }

  /** Takes a connection that need not wait for anything: serves it, or begins its handshake. */
  #takeAtOnce(accepted: DirectAccepted): boolean {
    if (this.full || this.#admission.length > 0 || accepted.remoteAddress === undefined || this.#isSender(accepted)) return false;
    this.#accepted++;
    if (this.#handshakes === undefined || this.#isPlain(accepted)) this.#serve(accepted.plain());
    else this.#handshakes.begin(accepted, this.#secured);
    return true;
  }

  /** Reads requests from a connection whose handshake, if there is one, is complete. */
  #serve(socket: SecureSocket, announced?: ConnectionEnds, secured?: SecuredConnection): ServerConnection {
    const connection = new ServerConnection(socket, this, announced, secured);
    this.#connections.add(connection);
    return connection;
  }

  /** The peer must begin its connection with a header of the PROXY protocol. */
  #isSender({ remoteAddress = '' }: SecureSocket): boolean {
    return this.#senders?.trusts(remoteAddress) === true;
  }

  /** The peer need not begin with TLS. */
  #isPlain({ remoteAddress = '' }: SecureSocket): boolean {
    return this.#mayBePlain?.(unmapped(remoteAddress)) === true;
  }

  /** Connections that are open keep what they have. */
  #updateTls({ tls, hop, mayBePlain, timeouts }: ListenerSettings): void {
    if (tls === undefined && mayBePlain === undefined) this.#handshakes = undefined;
    else this.#handshakes ??= new Handshakes(processDeadlines, () => this.#roomMade());
    this.#handshakes?.update({ tls, hop, silent: mayBePlain !== undefined, limitMs: timeouts.requestHead || handshakeMs });
  }

  #roomMade(): void {
    if (this.#admission.length > 0) this.#admission.lookSoon();
    this.#checkEmptied();
  }

  #closeIdle(): void {
    for (const reader of this.#headless) reader.destroy();
    this.#handshakes?.end();
    for (const connections of [this.#connections, this.#streams])
      for (const connection of connections) if (connection.idle) connection.close();
  }

  #destroyAll(): void {
    for (const reader of this.#headless) reader.destroy();
    this.#handshakes?.end();
    for (const connection of this.#connections) connection.destroy();
    this.#links.destroy();
    for (const socket of this.#tunnels) socket.destroy();
  }

  #checkEmptied(): void {
    if (this.connections === 0) this.#emptied?.();
  }
}
