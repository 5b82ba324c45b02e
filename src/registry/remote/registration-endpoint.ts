import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Access } from '../../model/access.ts';
import { type Clock, type Random, systemClock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Registry, Watch } from '../contract.ts';
import { startHeartbeat } from './heartbeat.ts';
import { Session } from './session.ts';

/** A gateway's frames are small, even if it reports on thousands of projects; an operator uploads projects. */
const maxFrameBytes = { join: 2 * 1024 * 1024, admin: 16 * 1024 * 1024 } as const;
const goingAway = 1001;
const closeTimeoutMs = 1000;

/**
 * The balancer's end of remote registries: WebSockets (RFC 6455) on which gateways, and operators with the admin token, call the
 * registry. Mount `upgrade` at `GET /v1/join`. The endpoint does not own the registry.
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

  /** @param options.authorize returns the access that an `Authorization` header gives; undefined: none, answered with 401 */
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
    // One watch for all sessions; each passes on only the news that its peer asked for.
    this.#watch = this.#registry.watch((news) => {
      for (const session of this.#sessions) session.tell(news);
    });
  }

  /** Number of peers that are connected. */
  get peers(): number {
    return this.#sessions.size;
  }

  /** Handles an HTTP upgrade request. Never throws. */
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
      // An invalid frame: the socket closes itself with the right close code.
      peer.on('error', (error) => this.#log.warn({ err: error }, 'a peer of the registration endpoint violated the protocol'));
      startHeartbeat(peer, this.#clock, this.#random);
    });
  }

  /** Closes the connection of every peer (1001, going away); resolves when all are closed, after 1 s at the latest. */
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
