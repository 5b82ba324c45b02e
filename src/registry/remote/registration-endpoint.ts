import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Access } from '../../model/access.ts';
import { type Clock, type Random, systemClock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Registry, Watch } from '../contract.ts';
import { keepChecking } from './heartbeat.ts';
import { Session } from './session.ts';

/** What a gateway sends is small, even if it reports on thousands of projects; an operator uploads projects. */
const maxFrameBytes = { join: 2 * 1024 * 1024, admin: 16 * 1024 * 1024 } as const;
const goingAway = 1001;
const closeTimeoutMs = 1000;

/**
 * The balancer's side of remote registries: WebSockets (RFC 6455) on which gateways, and whoever has the admin token, use
 * the registry. Mount `upgrade` at `GET /v1/join`. It doesn't own the registry.
 */
export class RegistrationEndpoint {
  readonly #registry: Registry;
  readonly #authorize: (authorizationHeader: string | undefined) => Access | undefined;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #servers: Readonly<Record<Access, WebSocketServer>>;
  readonly #sessions = new Set<Session>();
  readonly #watch: Watch;
  #closed = false;

  /** @param options.authorize which access an `Authorization` header gives; undefined: none, answered with 401 */
  constructor(options: {
    registry: Registry;
    authorize(authorizationHeader: string | undefined): Access | undefined;
    logger: Log;
    clock?: Clock;
    random?: Random;
  }) {
    this.#registry = options.registry;
    this.#authorize = options.authorize;
    this.#log = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#servers = { join: serverFor('join'), admin: serverFor('admin') };
    // One watch for all: each hears what concerns it.
    this.#watch = this.#registry.watch((news) => {
      for (const session of this.#sessions) session.tell(news);
    });
  }

  /** Peers connected now. */
  get peers(): number {
    return this.#sessions.size;
  }

  /** Takes an HTTP upgrade request over. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => this.#log.debug({ err: error }, 'a connection to the registration endpoint broke'));
    if (this.#closed) {
      refuse(socket, '503 Service Unavailable', '');
      return;
    }
    const access = this.#authorize(request.headers.authorization);
    if (access === undefined) {
      refuse(socket, '401 Unauthorized', 'WWW-Authenticate: Bearer\r\n');
      return;
    }
    this.#servers[access].handleUpgrade(request, socket, head, (peer) => {
      const session = new Session({ socket: peer, registry: this.#registry, access, watching: this.#watch.ready, logger: this.#log });
      this.#sessions.add(session);
      peer.on('close', () => this.#sessions.delete(session));
      // What is wrong with a frame; the socket closes itself, with the code for it.
      peer.on('error', (error) => this.#log.warn({ err: error }, 'a peer of the registration endpoint broke the protocol'));
      keepChecking(peer, this.#clock, this.#random);
    });
  }

  /** Tells all peers that it goes away, and settles when they are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    await Promise.all(Object.values(this.#servers).map((server) => closed(server, this.#clock)));
  }
}

function serverFor(access: Access): WebSocketServer {
  return new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes[access], perMessageDeflate: false });
}

function refuse(socket: Duplex, status: string, headers: string): void {
  socket.end(`HTTP/1.1 ${status}\r\n${headers}Content-Length: 0\r\nConnection: close\r\n\r\n`);
}

async function closed(server: WebSocketServer, clock: Clock): Promise<void> {
  const peers = [...server.clients];
  const gone = peers.map((peer) => new Promise((resolve) => peer.once('close', resolve)));
  for (const peer of peers) peer.close(goingAway, 'the balancer stops');
  const timeout = clock.after(closeTimeoutMs, () => {
    for (const peer of peers) peer.terminate();
  });
  await Promise.all(gone);
  timeout.cancel();
  server.close();
}
