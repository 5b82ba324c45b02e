import type net from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { processDescriptors } from '../model/descriptors.ts';
import { givesWay, type Yielding } from '../model/longest-idle.ts';
import type { CertificateNames } from './certificate-names.ts';
import type { ClientAuthority } from './client-authority.ts';
import { ClientIdentity } from './client-identity.ts';
import { failedHandshakes } from './failed-handshakes.ts';
import type { ListenerTls } from './listener-tls.ts';
import { SecuredConnection } from './secured-connection.ts';
import { type ServerContext, serverContexts } from './server-contexts.ts';

/** Most handshakes under way at a time in one listener: beyond it the oldest ends. */
const mostHandshakes = 2048;
/** Protocols that the server speaks over TLS (RFC 7301). */
const protocols = ['http/1.1'];

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

/** Receives a connection once its handshake is complete. */
export type Secured = (socket: TLSSocket, about: SecuredConnection) => void;

/** The part of a TLSSocket that leads to the socket it was made from. */
type Inside = { _parent?: net.Socket };

/**
 * The handshakes under way on one listener. An accepted socket goes in, a TLS connection comes out, or the socket is closed: after a fault of
 * the client, at the deadline, or when too many others have come since.
 */
export class Handshakes {
  readonly #deadlines: Deadlines;
  readonly #underWay = new Map<net.Socket, Handshake>();
  #server!: Server;
  #limitMs = 0;
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

  /** Replaces certificates and settings for the handshakes that begin from now on. @param limitMs for a whole handshake */
  update(tls: ListenerTls, limitMs: number): void {
    this.#limitMs = limitMs;
    const contexts = serverContexts(tls);
    const { clientAuthorities = [] } = tls;
    // The environment decides about a certificate, once the request names it by Host.
    const asking = clientAuthorities.length > 0 && { requestCert: true, rejectUnauthorized: false };
    const byName = tls.certificates.length > 1 && {
      SNICallback: (name: string, found: (error: Error | null, context: ServerContext['context']) => void) =>
        found(null, contexts.find(name).context),
    };
    this.#server = createServer({ ...contexts.first.options, ALPNProtocols: protocols, ...byName, ...asking })
      .on('secureConnection', (socket) => this.#secured(socket, contexts, clientAuthorities))
      .on('tlsClientError', (error, socket) => this.#failed(error, socket));
  }

  /** Begins the handshake on an accepted socket, of which nothing but what came before TLS was read. */
  begin(socket: net.Socket, secured: Secured): Handshake {
    const handshake = new Handshake(socket, secured, this.#deadlines.stamp() - givesWay.unusedSooner, () => this.#dropped(socket));
    this.#underWay.set(socket, handshake);
    processDescriptors.opened(handshake);
    handshake.deadline = this.#deadlines.in(this.#limitMs);
    this.#deadlines.watch(handshake);
    socket.once('close', () => this.#dropped(socket)).on('error', ignore);
    if (this.#underWay.size > mostHandshakes) this.endOldest();
    this.#server.emit('connection', socket);
    return handshake;
  }

  /** Ends the oldest handshake under way; false: there is none. */
  endOldest(): boolean {
    for (const [, handshake] of this.#underWay) {
      handshake.giveWay();
      return true;
    }
    return false;
  }

  /** Ends all handshakes under way. */
  end(): void {
    for (const handshake of [...this.#underWay.values()]) handshake.destroy();
  }

  #secured(socket: TLSSocket, contexts: CertificateNames<ServerContext>, authorities: readonly ClientAuthority[]): void {
    const raw = (socket as unknown as Inside)._parent;
    const handshake = raw && this.#leave(raw);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    const name = (socket.servername || undefined) as string | undefined;
    const client = ClientIdentity.of(socket, authorities);
    handshake.complete(socket, new SecuredConnection(name, contexts.find(name).names, client));
  }

  #failed(error: Error, socket: TLSSocket): void {
    const raw = (socket as unknown as Inside)._parent;
    // A client that only connects and closes, as TCP checks do, is no bad client.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') failedHandshakes.report(raw?.remoteAddress ?? '', error);
    if ((error as NodeJS.ErrnoException).code === 'ERR_SSL_HTTP_REQUEST') raw?.write(plainAnswer);
    raw?.destroy();
  }

  #dropped(socket: net.Socket): void {
    if (this.#leave(socket) !== undefined) this.#ended();
  }

  #leave(socket: net.Socket): Handshake | undefined {
    const handshake = this.#underWay.get(socket);
    if (handshake === undefined) return undefined;
    this.#underWay.delete(socket);
    this.#deadlines.unwatch(handshake);
    processDescriptors.closed(handshake);
    return handshake;
  }
}

/** A handshake under way, and the connection that comes of it. */
export class Handshake implements Yielding {
  deadline = 0;
  readonly #socket: net.Socket;
  readonly #secured: Secured;
  readonly #since: number;
  readonly #dropped: () => void;

  constructor(socket: net.Socket, secured: Secured, since: number, dropped: () => void) {
    this.#socket = socket;
    this.#secured = secured;
    this.#since = since;
    this.#dropped = dropped;
  }

  idleSince(): number {
    return this.#since;
  }

  giveWay(): void {
    this.destroy();
  }

  /** Closes the socket, and the connection that was made of it. */
  destroy(): void {
    this.#dropped();
    this.#socket.destroy();
  }

  expire(): void {
    failedHandshakes.report(this.#socket.remoteAddress ?? '', new Error('the handshake took too long'));
    this.destroy();
  }

  crashed(error: unknown): void {
    throw error;
  }

  complete(socket: TLSSocket, about: SecuredConnection): void {
    this.#secured(socket, about);
  }
}

function ignore(): void {}
