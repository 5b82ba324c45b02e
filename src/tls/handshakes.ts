import type net from 'node:net';
import { createServer, Server, type TLSSocket } from 'node:tls';
import { processDescriptors } from '../model/descriptors.ts';
import { HostTable } from '../model/host-table.ts';
import { givesWay, type Yielding } from '../model/longest-idle.ts';
import type { Accepted } from './accepted.ts';
import type { CertificateNames } from './certificate-names.ts';
import { ChallengeServers } from './challenge-servers.ts';
import type { ClientHello } from './client-hello.ts';
import { ClientIdentity, type PresentAuthorities } from './client-identity.ts';
import { failedHandshakes } from './failed-handshakes.ts';
import { Handshake } from './handshake.ts';
import { handshakePace } from './handshake-pace.ts';
import { type HopTls, hopName } from './hop-tls.ts';
import { hstsFields } from './hsts.ts';
import type { ListenerTls, TlsEnvironment } from './listener-tls.ts';
import { type Secured, SecuredConnection, type SecureSocket } from './secured-connection.ts';
import { hopOptions, type ServerContext, serverContexts } from './server-contexts.ts';

/** Most handshakes under way at a time in one listener: beyond it one that is hurried ends, or else the oldest. */
const mostHandshakes = 2048;
/** Most handshakes of the clients of one address, or one /64 network of IPv6, that need not hurry: beyond it the oldest is hurried. */
const mostOfNetwork = 256;
/**
 * Milliseconds that a hurried handshake still has. Many clients behind one address, which complete their handshakes, must all be served: if the
 * oldest ended at once, it would be the one that is nearest to its end, and its client would begin anew.
 */
const hurriedMs = 2000;
/** Protocols that the server speaks over TLS (RFC 7301). */
const protocols = ['http/1.1'];
/** The same as ALPN writes it. */
const protocolList = Buffer.from(protocols.map((name) => String.fromCharCode(name.length) + name).join(''), 'latin1');

const plainBody = JSON.stringify({ type: 'about:blank', title: 'This port speaks https.', status: 400, code: 'https-only' });
/** Answer to a client that sends HTTP without TLS. */
const plainAnswer = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${plainBody.length}\r\nconnection: close\r\n\r\n${plainBody}`;

/** A coarse timer, as `Deadlines` of the connections is one. */
interface Deadlines {
  watch(entry: Handshake): void;
  unwatch(entry: Handshake): void;
  in(ms: number): number;
  stamp(): number;
}

/** The part of a TLSSocket that leads to the socket it was made from. */
type Inside = { _parent?: net.Socket };

/** Answers of a listener to handshakes. */
export interface HandshakeSettings {
  /** TLS for clients; undefined: there is none. */
  readonly tls: ListenerTls | undefined;
  /** TLS for balancers; undefined: there is none. Without `tls`, all handshakes are taken for a balancer's. */
  readonly hop?: HopTls | undefined;
  /** True: a peer that does not begin with TLS gets no answer. Default false: it is told that the port speaks https. */
  readonly silent?: boolean | undefined;
  /** Milliseconds for a whole handshake. */
  readonly limitMs: number;
}

/** The TLS server of one environment: sessions never pass from one to another. */
interface EnvironmentServer {
  readonly server: Server;
  readonly contexts: CertificateNames<ServerContext>;
  /** Fields for the environment's responses; undefined: none. */
  readonly ownFields: Readonly<Record<string, string>> | undefined;
  /** A handshake needs no TLSSocket, because it asks for no client certificate. */
  readonly direct: boolean;
}

/**
 * The handshakes under way on one listener. An accepted socket goes in, a TLS connection comes out, or the socket is closed: after a fault of
 * the client, at the deadline, or when too many others have come since.
 */
export class Handshakes {
  readonly #deadlines: Deadlines;
  readonly #underWay = new Set<Handshake>();
  /** Handshakes that a TLSSocket makes, by the socket that it was made of. */
  readonly #ofSocket = new WeakMap<net.Socket, Handshake>();
  /** Without those that are hurried; oldest first. */
  readonly #ofNetwork = new Map<string, Set<Handshake>>();
  readonly #hurried = new Set<Handshake>();
  #settings: HandshakeSettings = { tls: undefined, limitMs: 0 };
  /** For clients that ask for no environment's host; undefined: there is no TLS for clients. */
  #first: EnvironmentServer | undefined;
  #servers: ReadonlyMap<string, EnvironmentServer> = new Map();
  #hosts = new HostTable([]);
  /** For balancers. */
  #hop: Server | undefined;
  #challenges: ChallengeServers | undefined;
  /** Looked at by connections that are open already, too. */
  readonly #authorities: PresentAuthorities = { present: [] };
  /** Called when a handshake has ended without a connection. */
  readonly #ended: () => void;

  constructor(deadlines: Deadlines, ended: () => void) {
    this.#deadlines = deadlines;
    this.#ended = ended;
  }

  /** Number of handshakes under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Replaces certificates and settings for the handshakes that begin from now on. */
  update(settings: HandshakeSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    const { tls, hop } = settings;
    if (hop !== before.hop) this.#hop = hop && this.#serverOfHop(hop);
    if (tls === before.tls) return;
    this.#authorities.present = tls?.clientAuthorities ?? [];
    const environments = tls?.environments ?? [];
    this.#servers = new Map(environments.map((environment) => [environment.name, this.#serverOf(tls as ListenerTls, environment)]));
    this.#first = firstOf(this.#servers.values());
    this.#challenges = new ChallengeServers(
      tls?.challenges ?? [],
      (socket) => this.#proven(socket),
      (error, socket) => this.#failed(error, socket),
    );
    this.#hosts = new HostTable(environments.map(({ name, hosts }) => ({ name, hosts, listen: '' })));
  }

  /**
   * Begins the handshake on an accepted connection, of which nothing but what came before TLS was read.
   * @param client its IP address
   */
  begin(accepted: Accepted, secured: Secured, client = accepted.remoteAddress ?? ''): Handshake {
    const handshake: Handshake = new Handshake(accepted, client, this.#deadlines.stamp() - givesWay.unusedSooner, {
      secured,
      dropped: () => this.#dropped(handshake),
      heard: (hello) => this.#pace(handshake, hello),
      silent: this.#settings.silent === true,
    });
    this.#underWay.add(handshake);
    const ofNetwork = this.#ofNetwork.get(handshake.network) ?? new Set();
    this.#ofNetwork.set(handshake.network, ofNetwork.add(handshake));
    processDescriptors.opened(handshake);
    handshake.deadline = this.#deadlines.in(this.#settings.limitMs);
    this.#deadlines.watch(handshake);
    accepted.whenClosed(() => this.#dropped(handshake));
    if (ofNetwork.size > mostOfNetwork) this.#hurry(firstOf(ofNetwork) as Handshake);
    if (this.#underWay.size > mostHandshakes) this.endOldest();
    handshake.listen();
    return handshake;
  }

  /**
   * Ends the oldest handshake under way, of those that are hurried if there are any; false: there is none that is idle since `before` or longer, as
   * {@link Yielding} counts.
   */
  endOldest(before = Number.POSITIVE_INFINITY): boolean {
    const oldest = firstOf(this.#hurried) ?? firstOf(this.#underWay);
    if (oldest === undefined || oldest.idleSince() > before) return false;
    oldest.giveWay();
    return true;
  }

  /** Ends all handshakes under way. */
  end(): void {
    for (const handshake of [...this.#underWay]) handshake.destroy();
  }

  #serverOf(tls: ListenerTls, environment: TlsEnvironment): EnvironmentServer {
    const contexts = serverContexts(tls, environment);
    const { clientAuthorities = [], clientChains = false } = tls;
    const ownFields = hstsFields(environment.hsts ?? 0);
    const about = (socket: TLSSocket) => ({
      client: ClientIdentity.of(socket, this.#authorities, clientAuthorities, clientChains),
      ownFields,
    });
    // The environment decides about a certificate, once the request names it by Host.
    const asking = clientAuthorities.length > 0 && { requestCert: true, rejectUnauthorized: false };
    const byName = tls.certificates.length > 1 && {
      SNICallback: (name: string, found: (error: Error | null, context: ServerContext['context']) => void) =>
        found(null, contexts.find(name).context),
    };
    const server = createServer({ ...contexts.first.options, ALPNProtocols: protocols, ...byName, ...asking })
      .on('secureConnection', (socket) => this.#secured(socket, contexts, about))
      .on('tlsClientError', (error, socket) => this.#failed(error, socket));
    return { server, contexts, ownFields, direct: clientAuthorities.length === 0 };
  }

  /** The server for balancers. A certificate is demanded within the handshake, and judged before anything is read. */
  #serverOfHop(hop: HopTls): Server {
    const server = createServer({ ...hopOptions(hop), ALPNProtocols: protocols, requestCert: true, rejectUnauthorized: true });
    return server
      .on('secureConnection', (socket) => this.#securedHop(socket, hop))
      .on('tlsClientError', (error, socket) => this.#failed(error, socket));
  }

  /** Ends the handshake soon, unless it is complete by then. */
  #hurry(handshake: Handshake): void {
    this.#uncount(handshake);
    this.#hurried.add(handshake);
    handshake.deadline = Math.min(handshake.deadline, this.#deadlines.in(hurriedMs));
  }

  #pace(handshake: Handshake, hello: ClientHello): void {
    handshakePace.start(
      {
        network: handshake.network,
        connection: handshake.accepted,
        underWay: () => this.#underWay.has(handshake),
        answer: () => this.#heard(handshake, hello),
      },
      hello,
    );
  }

  /** The client has said for which name it came: the environment of that name does the rest. Returns false if a TLSSocket does it, after the call. */
  #heard(handshake: Handshake, hello: ClientHello): boolean {
    const found = this.#challenges?.find(hello) ?? this.#serverFor(hello);
    if (found === undefined) handshake.refuse('this server has no certificate yet');
    else if (found instanceof Server) return this.#handOver(handshake, found);
    else if (!found.direct || !this.#beginDirectly(handshake, found)) return this.#handOver(handshake, found.server);
    return true;
  }

  /** Has a TLSSocket make the handshake. */
  #handOver(handshake: Handshake, server: Server): false {
    const socket = handshake.accepted.stream(handshake.hello);
    this.#ofSocket.set(socket, handshake);
    socket.once('close', () => this.#dropped(handshake)).on('error', ignore);
    server.emit('connection', socket);
    return false;
  }

  #serverFor({ serverName }: ClientHello): Server | EnvironmentServer | undefined {
    if (this.#hop !== undefined && (this.#first === undefined || serverName === hopName)) return this.#hop;
    const environment = serverName === undefined ? undefined : this.#hosts.find('', serverName);
    return this.#servers.get(environment ?? '') ?? this.#first;
  }

  /** Begins a handshake without a TLSSocket. Returns false if that is not possible. */
  #beginDirectly(handshake: Handshake, { contexts, ownFields }: EnvironmentServer): boolean {
    const { context, names } = contexts.find(handshake.serverName);
    return handshake.accepted.secure(context, protocolList, handshake.hello, {
      secured: (connection, named) => {
        this.#leave(handshake);
        this.#complete(handshake, connection, named, names, { client: undefined, ownFields });
      },
      failed: (error) => this.#refused(error, handshake),
      left: () => handshake.destroy(),
    });
  }

  #securedHop(socket: TLSSocket, { refusalOf }: HopTls): void {
    const handshake = this.#madeBy(socket);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    const refused = refusalOf(socket.getPeerX509Certificate());
    if (refused !== undefined) {
      handshake.refuse(refused);
      return;
    }
    this.#leave(handshake);
    handshake.complete(socket, SecuredConnection.ofBalancer());
  }

  #secured(
    socket: TLSSocket,
    contexts: CertificateNames<ServerContext>,
    about: (socket: TLSSocket) => Pick<SecuredConnection, 'client' | 'ownFields'>,
  ): void {
    const handshake = this.#madeBy(socket);
    if (handshake === undefined || !this.#leave(handshake)) {
      socket.destroy();
      return;
    }
    this.#complete(handshake, socket, socket.servername, contexts.find(handshake.serverName).names, about(socket));
  }

  /** @param named server_name as OpenSSL has read it */
  #complete(
    handshake: Handshake,
    connection: SecureSocket,
    named: string | false | null,
    names: readonly string[],
    about: Pick<SecuredConnection, 'client' | 'ownFields'>,
  ): void {
    const { serverName } = handshake;
    // Of a resumed session of TLS 1.2, Node does not tell the name.
    if ((named || serverName) === serverName) {
      handshake.complete(connection, new SecuredConnection(serverName, names, about));
    } else {
      // A second ClientHello, after a HelloRetryRequest, named another environment's host.
      handshake.destroy();
      this.#ended();
    }
  }

  /** An authority has got the proof that it asked for. */
  #proven(socket: TLSSocket): void {
    // The handshake stays under way, with its deadline, until the authority closes, too.
    socket.on('error', ignore).resume().end();
  }

  #failed(error: Error, socket: TLSSocket): void {
    const handshake = this.#madeBy(socket);
    if (handshake !== undefined) this.#refused(error, handshake);
  }

  /** The handshake that a TLSSocket makes, while it is under way. */
  #madeBy(socket: TLSSocket): Handshake | undefined {
    const raw = (socket as unknown as Inside)._parent;
    const handshake = raw && this.#ofSocket.get(raw);
    return handshake !== undefined && this.#underWay.has(handshake) ? handshake : undefined;
  }

  #refused(error: Error, handshake: Handshake): void {
    handshake.judged = true;
    // A client that only connects and closes, as TCP checks do, is no bad client.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') failedHandshakes.report(handshake.client, error);
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_HTTP_REQUEST') handshake.accepted.answerPlainly(plainAnswer);
    handshake.accepted.destroy();
  }

  #dropped(handshake: Handshake): void {
    if (!this.#leave(handshake)) return;
    // Node ends a handshake with a certificate of another authority without a word.
    if (handshake.begun && !handshake.judged && this.#hop !== undefined)
      failedHandshakes.report(
        handshake.client,
        new Error('the client gave up, or its certificate is not one of a balancer of this registry'),
      );
    this.#ended();
  }

  /** The handshake is over; false: it was before. */
  #leave(handshake: Handshake): boolean {
    if (!this.#underWay.delete(handshake)) return false;
    if (!this.#hurried.delete(handshake)) this.#uncount(handshake);
    handshakePace.leave(handshake.accepted);
    this.#deadlines.unwatch(handshake);
    processDescriptors.closed(handshake);
    return true;
  }

  /** Takes a handshake out of its network's. */
  #uncount(handshake: Handshake): void {
    const ofNetwork = this.#ofNetwork.get(handshake.network);
    ofNetwork?.delete(handshake);
    if (ofNetwork?.size === 0) this.#ofNetwork.delete(handshake.network);
  }
}

function firstOf<Entry>(entries: Iterable<Entry>): Entry | undefined {
  for (const entry of entries) return entry;
  return undefined;
}

function ignore(): void {}
