import net from 'node:net';
import type { AccessLog, ExchangeRecord } from '../access-log/contract.ts';
import { processDeadlines } from '../http1/connection/deadlines.ts';
import { secureDirectly } from '../http1/connection/direct-tls.ts';
import { readFirstOctets } from '../http1/connection/first-octets.ts';
import { outbox } from '../http1/connection/outbox.ts';
import type { RequestSink } from '../http1/connection/request-sink.ts';
import { ServerConnection, type ServerConnectionOwner } from '../http1/connection/server-connection.ts';
import type { ServerConnectionSettings } from '../http1/connection/server-connection-settings.ts';
import type { Wire } from '../http1/connection/wire-socket.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { WireFault } from '../http1/message/wire-fault.ts';
import { formatAddress } from '../model/address.ts';
import type { ListenerCounts } from '../model/counts.ts';
import { processDescriptors } from '../model/descriptors.ts';
import { unmapped } from '../model/ip-address.ts';
import { LongestIdle, settledMs } from '../model/longest-idle.ts';
import type { ConnectionEnds } from '../model/proxy-protocol.ts';
import { Handshakes } from '../tls/handshakes.ts';
import type { SecuredConnection } from '../tls/secured-connection.ts';
import { Admission, type AdmissionOwner } from './admission.ts';
import { answerChallenge } from './answer-challenge.ts';
import { blameField } from './blame.ts';
import { bindSocket } from './bound-socket.ts';
import type { Handler, Listener, ListenerSettings } from './contract.ts';
import { ExchangeCounter } from './exchange-counter.ts';
import { failures } from './failures.ts';
import { ownAnswer, problem } from './own-answer.ts';
import { type ExchangeOwner, ProxyExchange } from './proxy-exchange.ts';
import { type ProxyHeaderOwner, ProxyHeaderReader } from './proxy-header-reader.ts';
import { redirectToHttps } from './redirect-to-https.ts';
import { refusedSenders } from './refused-senders.ts';
import { newRequestId } from './request-id.ts';
import { ListenerProxies, TrustedProxies } from './trusted-proxies.ts';

/** Longest request target, unless the limit of heads is raised: then half of that. */
const targetBytes = 16 * 1024;
/** Default of `ListenerSettings.fields`. */
const fields = 100;
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
export class HttpListener implements Listener, ServerConnectionOwner, ExchangeOwner, AdmissionOwner, ProxyHeaderOwner {
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
  readonly #secured = (socket: net.Socket, about: SecuredConnection) => void this.#serve(socket, undefined, about);
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
    const secure = settings.tls !== undefined || settings.hop !== undefined;
    this.#mayBePlain = settings.mayBePlain;
    this.proxies = new ListenerProxies(settings.trustedProxies);
    const { proxyProtocol = [] } = settings;
    this.#senders = proxyProtocol.length === 0 ? undefined : new TrustedProxies(proxyProtocol);
    this.settings = {
      limits: {
        headBytes: settings.headerBytes,
        targetBytes: Math.min(Math.max(targetBytes, settings.headerBytes / 2), settings.headerBytes),
        fields: settings.fields ?? fields,
        names: settings.underscores ?? 'drop',
        secure,
      },
      headMs: settings.timeouts.requestHead,
      idleMs: settings.timeouts.clientIdle,
      bodyPace: { graceMs: settings.timeouts.requestBody, octetsPerSecond: settings.bodyRate },
    };
  }

  get address(): string {
    const bound = this.#server.address();
    return bound === null || typeof bound === 'string' ? this.configured : formatAddress(bound.address, bound.port);
  }

  get connections(): number {
    return this.#connections.size + this.#tunnels.size + this.#headless.size + (this.#handshakes?.size ?? 0);
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
    const before = processDeadlines.now - settledMs;
    if (this.connections < this.#most) return processDescriptors.makeRoom();
    return this.#longestHeadless.close(before) || this.#longestIdle.close(before) || this.#handshakes?.endOldest() === true;
  }

  admit(socket: net.Socket): void {
    if (this.#isSender(socket)) this.#headless.add(new ProxyHeaderReader(this, socket, this.settings.headMs));
    else if (this.#handshakes === undefined || this.#isPlain(socket)) this.#serve(socket);
    else this.#handshakes.begin(socket, this.#secured);
  }

  secure(connection: ServerConnection, octets: Buffer): boolean {
    if (this.#handshakes === undefined || this.#mayBePlain === undefined || connection.secured !== undefined) return false;
    const { socket } = connection.release();
    this.#connections.delete(connection);
    processDescriptors.closed(socket as Wire);
    socket.unshift(Buffer.from(octets));
    this.#handshakes.begin(socket, this.#secured);
    return true;
  }

  headerRead(reader: ProxyHeaderReader, socket: net.Socket, ends: ConnectionEnds | undefined, rest: Buffer): void {
    this.#headless.delete(reader);
    if (this.#handshakes !== undefined) {
      socket.unshift(rest);
      this.#handshakes.begin(socket, (secured, about) => void this.#serve(secured, ends, about), ends?.source);
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
    const refuse = (accepted: net.Socket, secured?: SecuredConnection) => {
      const connection = this.#serve(accepted, undefined, secured);
      this.refuse(connection, failures.tooManyConnections);
      return connection;
    };
    if (this.#handshakes === undefined || this.#isPlain(socket)) return refuse(socket);
    // The answer could only follow the header and the handshake.
    return this.#isSender(socket) ? socket.destroy() : this.#handshakes.begin(socket, refuse);
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

  /**
   * Closes this many connections, each with the answer to its next request, so that their clients connect again and other processes that
   * share the address may get them.
   */
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
    const answer = ownAnswer(said, { requestId, headOnly: false, connection: 'close' });
    outbox.to(connection.wire).octets(answer, 0, answer.length);
    connection.close();
  }

  closed(connection: ServerConnection): void {
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

  log(exchange: { record(): ExchangeRecord }): void {
    if (this.#accessLog === undefined) return;
    try {
      this.#accessLog(exchange.record());
    } catch (error) {
      this.fault(error);
    }
  }

  tunnelOpened(connection: ServerConnection, socket: net.Socket): void {
    this.#connections.delete(connection);
    this.#tunnels.add(socket);
    socket.once('close', () => {
      this.#tunnels.delete(socket);
      this.#checkEmptied();
    });
  }

  /** Reads requests from a connection whose handshake, if there is one, is complete. */
  #serve(socket: net.Socket, announced?: ConnectionEnds, secured?: SecuredConnection): ServerConnection {
    const connection = new ServerConnection(socket, this, announced, secured);
    this.#connections.add(connection);
    return connection;
  }

  /** The peer must begin its connection with a header of the PROXY protocol. */
  #isSender(socket: net.Socket): boolean {
    return this.#senders?.trusts(socket.remoteAddress ?? '') === true;
  }

  /** The peer need not begin with TLS. */
  #isPlain({ remoteAddress = '' }: net.Socket): boolean {
    return this.#mayBePlain?.(unmapped(remoteAddress)) === true;
  }

  /** Connections that are open keep what they have. */
  #updateTls({ tls, hop, mayBePlain, timeouts }: ListenerSettings): void {
    if (tls === undefined && mayBePlain === undefined) this.#handshakes = undefined;
    else this.#handshakes ??= new Handshakes(processDeadlines, readFirstOctets, secureDirectly, () => this.#roomMade());
    this.#handshakes?.update({ tls, hop, silent: mayBePlain !== undefined, limitMs: timeouts.requestHead || handshakeMs });
  }

  #roomMade(): void {
    if (this.#admission.length > 0) this.#admission.lookSoon();
    this.#checkEmptied();
  }

  #closeIdle(): void {
    for (const reader of this.#headless) reader.destroy();
    this.#handshakes?.end();
    for (const connection of this.#connections) if (connection.idle) connection.close();
  }

  #destroyAll(): void {
    for (const reader of this.#headless) reader.destroy();
    this.#handshakes?.end();
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#tunnels) socket.destroy();
  }

  #checkEmptied(): void {
    if (this.connections === 0) this.#emptied?.();
  }
}
