import type net from 'node:net';
import { createServer, Server, type TLSSocket } from 'node:tls';
import { processDescriptors } from '../model/descriptors.ts';
import { HostTable } from '../model/host-table.ts';
import { givesWay } from '../model/longest-idle.ts';
import { Turns } from '../model/turns.ts';
import type { CertificateNames } from './certificate-names.ts';
import { ChallengeServers } from './challenge-servers.ts';
import type { ClientHello } from './client-hello.ts';
import { ClientIdentity, type PresentAuthorities } from './client-identity.ts';
import type { SecureDirectly } from './direct-handshake.ts';
import { failedHandshakes } from './failed-handshakes.ts';
import { Handshake, type ReadFirst, type Secured } from './handshake.ts';
import { type HopTls, hopName } from './hop-tls.ts';
import { hstsFields } from './hsts.ts';
import type { ListenerTls, TlsEnvironment } from './listener-tls.ts';
import { SecuredConnection } from './secured-connection.ts';
import { hopOptions, type ServerContext, serverContexts } from './server-contexts.ts';

/** Most handshakes under way at a time in one listener: beyond it the oldest ends. */
const mostHandshakes = 2048;
/** The same for the clients of one address, or one /64 network of IPv6. */
const mostOfNetwork = 256;
/** The costly part of each handshake in this process has a turn of its own, so that requests on open connections wait for one handshake at most. */
const turns = new Turns();
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
  readonly #readFirst: ReadFirst;
  readonly #secureDirectly: SecureDirectly;
  readonly #underWay = new Map<net.Socket, Handshake>();
  /** Oldest first. */
  readonly #ofNetwork = new Map<string, Set<Handshake>>();
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

  constructor(deadlines: Deadlines, readFirst: ReadFirst, secureDirectly: SecureDirectly, ended: () => void) {
    this.#deadlines = deadlines;
    this.#readFirst = readFirst;
    this.#secureDirectly = secureDirectly;
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
   * Begins the handshake on an accepted socket, of which nothing but what came before TLS was read.
   * @param client its IP address
   */
  begin(socket: net.Socket, secured: Secured, client = socket.remoteAddress ?? ''): Handshake {
    const handshake = new Handshake(socket, client, this.#deadlines.stamp() - givesWay.unusedSooner, {
      secured,
      dropped: () => this.#dropped(socket),
      heard: (hello) => this.#heard(socket, hello),
      silent: this.#settings.silent === true,
    });
    this.#underWay.set(socket, handshake);
    const ofNetwork = this.#ofNetwork.get(handshake.network) ?? new Set();
    this.#ofNetwork.set(handshake.network, ofNetwork.add(handshake));
    processDescriptors.opened(handshake);
    handshake.deadline = this.#deadlines.in(this.#settings.limitMs);
    this.#deadlines.watch(handshake);
    socket.once('close', () => this.#dropped(socket)).on('error', ignore);
    if (ofNetwork.size > mostOfNetwork) firstOf(ofNetwork)?.giveWay();
    else if (this.#underWay.size > mostHandshakes) this.endOldest();
    handshake.listen(this.#readFirst);
    return handshake;
  }

  /** Ends the oldest handshake under way; false: there is none. */
  endOldest(): boolean {
    const oldest = firstOf(this.#underWay.values());
    oldest?.giveWay();
    return oldest !== undefined;
  }

  /** Ends all handshakes under way. */
  end(): void {
    for (const handshake of [...this.#underWay.values()]) handshake.destroy();
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

  /** The client has said for which name it came: the environment of that name does the rest. */
  async #heard(socket: net.Socket, hello: ClientHello): Promise<void> {
    await turns.next();
    const handshake = this.#underWay.get(socket);
    if (handshake === undefined) return;
    const found = this.#challenges?.find(hello) ?? this.#serverFor(hello);
    if (found === undefined) handshake.refuse('this server has no certificate yet');
    else if (found instanceof Server) found.emit('connection', handshake.unread());
    else if (!this.#beginDirectly(socket, handshake, found)) found.server.emit('connection', handshake.unread());
  }

  #serverFor({ serverName }: ClientHello): Server | EnvironmentServer | undefined {
    if (this.#hop !== undefined && (this.#first === undefined || serverName === hopName)) return this.#hop;
    const environment = serverName === undefined ? undefined : this.#hosts.find('', serverName);
    return this.#servers.get(environment ?? '') ?? this.#first;
  }

  /** Begins a handshake without a TLSSocket, which a client certificate would need. Returns false if that is not possible. */
  #beginDirectly(socket: net.Socket, handshake: Handshake, { contexts, ownFields, direct }: EnvironmentServer): boolean {
    if (!direct) return false;
    const { serverName } = handshake;
    const { context, names } = contexts.find(serverName);
    return this.#secureDirectly(socket, context, protocolList, handshake.hello, {
      secured: (named) => {
        this.#leave(socket);
        this.#complete(handshake, socket, named, names, { client: undefined, ownFields });
      },
      failed: (error) => this.#refused(error, socket),
      left: () => handshake.destroy(),
    });
  }

  #securedHop(socket: TLSSocket, { refusalOf }: HopTls): void {
    const raw = (socket as unknown as Inside)._parent;
    const handshake = raw && this.#underWay.get(raw);
    if (raw === undefined || handshake === undefined) {
      socket.destroy();
      return;
    }
    const refused = refusalOf(socket.getPeerX509Certificate());
    if (refused !== undefined) {
      handshake.refuse(refused);
      return;
    }
    this.#leave(raw);
    handshake.complete(socket, SecuredConnection.ofBalancer());
  }

  #secured(
    socket: TLSSocket,
    contexts: CertificateNames<ServerContext>,
    about: (socket: TLSSocket) => Pick<SecuredConnection, 'client' | 'ownFields'>,
  ): void {
    const raw = (socket as unknown as Inside)._parent;
    const handshake = raw && this.#leave(raw);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    this.#complete(handshake, socket, socket.servername, contexts.find(handshake.serverName).names, about(socket));
  }

  /** @param named server_name as OpenSSL has read it */
  #complete(
    handshake: Handshake,
    socket: net.Socket,
    named: string | false | null,
    names: readonly string[],
    about: Pick<SecuredConnection, 'client' | 'ownFields'>,
  ): void {
    const { serverName } = handshake;
    // Of a resumed session of TLS 1.2, Node does not tell the name.
    if ((named || serverName) === serverName) {
      handshake.complete(socket, new SecuredConnection(serverName, names, about));
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
    const raw = (socket as unknown as Inside)._parent;
    if (raw !== undefined) this.#refused(error, raw);
  }

  #refused(error: Error, raw: net.Socket): void {
    const handshake = this.#underWay.get(raw);
    const client = handshake?.client ?? raw.remoteAddress ?? '';
    if (handshake !== undefined) handshake.judged = true;
    // A client that only connects and closes, as TCP checks do, is no bad client.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') failedHandshakes.report(client, error);
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_HTTP_REQUEST') raw.write(plainAnswer);
    raw.destroy();
  }

  #dropped(socket: net.Socket): void {
    const handshake = this.#leave(socket);
    if (handshake === undefined) return;
    // Node ends a handshake with a certificate of another authority without a word.
    if (handshake.begun && !handshake.judged && this.#hop !== undefined)
      failedHandshakes.report(
        handshake.client,
        new Error('the client gave up, or its certificate is not one of a balancer of this registry'),
      );
    this.#ended();
  }

  #leave(socket: net.Socket): Handshake | undefined {
    const handshake = this.#underWay.get(socket);
    if (handshake === undefined) return undefined;
    this.#underWay.delete(socket);
    const ofNetwork = this.#ofNetwork.get(handshake.network);
    ofNetwork?.delete(handshake);
    if (ofNetwork?.size === 0) this.#ofNetwork.delete(handshake.network);
    this.#deadlines.unwatch(handshake);
    processDescriptors.closed(handshake);
    return handshake;
  }
}

function firstOf<Entry>(entries: Iterable<Entry>): Entry | undefined {
  for (const entry of entries) return entry;
  return undefined;
}

function ignore(): void {}
