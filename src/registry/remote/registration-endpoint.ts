import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Access, Grant } from '../../model/access.ts';
import { type Clock, type Random, systemClock, type Timer } from '../../model/clock.ts';
import { networkOf } from '../../model/ip-address.ts';
import type { Log } from '../../model/log.ts';
import type { Caller, Registry, Watch } from '../contract.ts';
import { startHeartbeat } from './heartbeat.ts';
import { type JoinLimits, noJoinLimits } from './join-limits.ts';
import { JoinRefusals } from './join-refusals.ts';
import { ReaderSlots } from './reader-slots.ts';
import { closeSoon, refuseUpgrade } from './refuse-upgrade.ts';
import { Session } from './session.ts';
import { stalledSeconds } from './session-watch.ts';

/** A gateway's frames are small, even if it reports on thousands of projects; an operator uploads projects. */
const maxFrameBytes = { join: 1024 * 1024, admin: 16 * 1024 * 1024 } as const;
/** Bytes that all sessions together may hold for peers before those that make no progress for a second are cut off. */
const maxHeldBytes = 128 * 1024 * 1024;
const goingAway = 1001;
const closeTimeoutMs = 1000;
const tickMs = 1000;

/** Dependencies of a {@link RegistrationEndpoint}. */
export interface RegistrationEndpointOptions {
  readonly registry: Registry;
  /** Finds what an `Authorization` header gives; undefined: nothing, answered with 401. */
  readonly grantOf: (authorization: string | undefined) => Grant | undefined;
  readonly logger: Log;
  /** Default: no limits. Read at each join, since a reload may change them. */
  readonly limits?: () => JoinLimits;
  readonly refusals?: JoinRefusals;
  /** Address of the client that sent a request; default: of the peer. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** True if the balancer sees the server with this id healthy; default: never. */
  readonly isHealthy?: (id: string) => boolean;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * The balancer's end of remote registries: WebSockets (RFC 6455) on which gateways, and operators with the admin token, call the
 * registry. Mount `upgrade` at `GET /v1/join`. The endpoint does not own the registry.
 */
export class RegistrationEndpoint {
  readonly #options: RegistrationEndpointOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #refusals: JoinRefusals;
  readonly #servers: Readonly<Record<Access, WebSocketServer>>;
  readonly #sessions = new Set<Session>();
  readonly #slots: ReaderSlots;
  /** Sessions with a join token of each address. */
  readonly #joined = new Map<string, number>();
  readonly #watch: Watch;
  #ticks: Timer | undefined;
  #closed = false;

  constructor(options: RegistrationEndpointOptions) {
    this.#options = options;
    this.#log = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#refusals = options.refusals ?? new JoinRefusals(this.#log, this.#clock);
    this.#slots = new ReaderSlots(this.#clock);
    this.#servers = { join: serverFor('join'), admin: serverFor('admin') };
    // One watch for all sessions; each passes on only the news that its peer asked for.
    this.#watch = options.registry.watch((news) => {
      // Secrets stay with balancers, and so do their names.
      if (news.kind === 'secret') return;
      for (const session of this.#sessions) session.tell(news);
    });
  }

  /** Number of peers that are connected. */
  get peers(): number {
    return this.#sessions.size;
  }

  /** Number of peers with a join token. */
  get joined(): number {
    let all = 0;
    for (const count of this.#joined.values()) all += count;
    return all;
  }

  /** Handles an HTTP upgrade request. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', (error) => this.#log.debug({ err: error }, 'a connection to the registration endpoint broke'));
    if (this.#closed) {
      // Without a reason: it is over in a moment.
      socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      closeSoon(socket);
      return;
    }
    const { authorization } = request.headers;
    const address = this.#options.addressOf?.(request) ?? networkOf(request.socket.remoteAddress ?? '');
    const grant = this.#options.grantOf(authorization);
    if (grant === undefined) {
      this.#refusals.note('token', address, 'its token is not valid');
      refuseUpgrade(socket, 401, 'send a join token as "Authorization: Bearer TOKEN"', 'WWW-Authenticate: Bearer\r\n');
      return;
    }
    const limits = this.#options.limits?.() ?? noJoinLimits;
    const full = grant.access === 'join' ? this.#full(address, limits) : undefined;
    if (full !== undefined) {
      this.#refusals.note('connections', address, full, grant.token);
      refuseUpgrade(socket, 503, full, 'Retry-After: 5\r\n');
      return;
    }
    this.#servers[grant.access].handleUpgrade(request, socket, head, (peer) => {
      const isHealthy = this.#options.isHealthy ?? (() => false);
      const most = this.#options.limits ?? (() => noJoinLimits);
      const caller: Caller = {
        address,
        isHealthy,
        get mostServers() {
          return most().servers;
        },
        ...(grant.environment !== undefined && { environment: grant.environment }),
      };
      const { registry } = this.#options;
      const parts = { registry, refusals: this.#refusals, slots: this.#slots, logger: this.#log, watching: this.#watch.ready };
      const session = new Session({ ...parts, socket: peer, under: socket, grant, authorization, caller });
      this.#sessions.add(session);
      this.#count(session, 1);
      this.#ticks ??= this.#clock.after(tickMs, () => this.#tick());
      peer.on('close', () => {
        this.#sessions.delete(session);
        this.#count(session, -1);
      });
      // An invalid frame: the socket closes itself with the right close code.
      peer.on('error', (error) => this.#refusals.note('frame', address, error.message, grant.token));
      startHeartbeat(peer, this.#clock, this.#random);
    });
  }

  /** Closes the sessions whose token is not valid any more, or gives something else now. */
  recheckTokens(): void {
    for (const session of this.#sessions) {
      const { access, environment } = session.grant;
      const now = this.#options.grantOf(session.authorization);
      if (now?.access !== access || now.environment !== environment) session.close('its token is not valid any more');
    }
  }

  /** Closes the connection of every peer (1001, going away); resolves when all are closed, after 1 s at the latest. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ticks?.cancel();
    this.#watch.close();
    await Promise.all(Object.values(this.#servers).map((server) => closed(server, this.#clock)));
  }

  /** Says why no other connection with a join token is accepted from this address; undefined if one is. */
  #full(address: string, { connections, connectionsPerAddress }: JoinLimits): string | undefined {
    if (connections > 0 && this.joined >= connections)
      return `${connections} connections of gateway servers are open, which is the most: close some, or raise control.joins.connections`;
    if (connectionsPerAddress > 0 && (this.#joined.get(address) ?? 0) >= connectionsPerAddress)
      return `${connectionsPerAddress} connections of gateway servers from this address are open, which is the most: close some, or raise control.joins.connectionsPerAddress`;
    return undefined;
  }

  #count({ grant, address }: Session, change: 1 | -1): void {
    if (grant.access !== 'join') return;
    const count = (this.#joined.get(address) ?? 0) + change;
    if (count > 0) this.#joined.set(address, count);
    else this.#joined.delete(address);
  }

  /** Cuts off peers that neither read nor finish their frames; sooner while much is held for all of them together. */
  #tick(): void {
    this.#ticks = this.#sessions.size > 0 ? this.#clock.after(tickMs, () => this.#tick()) : undefined;
    let held = 0;
    for (const session of this.#sessions) held += session.watch.held;
    const limit = held > maxHeldBytes ? 1 : stalledSeconds;
    for (const session of this.#sessions) {
      if (session.watch.tick(limit)) session.cutOff('slow', `it made no progress for ${limit} s`);
    }
  }
}

function serverFor(access: Access): WebSocketServer {
  return new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes[access], perMessageDeflate: false });
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
