import { processResolver } from '../../dns/resolver.ts';
import { jittered } from '../../model/clock.ts';
import { unmapped } from '../../model/ip-address.ts';
import { inUse } from '../../model/longest-idle.ts';
import { ClientConnection, type ClientConnectionOwner } from './client-connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { Introduction } from './introduction.ts';
import type { ResponseSink } from './response-sink.ts';
import type { OpenWire } from './wire.ts';
import type { Destination } from './wire-socket.ts';

/** Limit of the idle connections to one destination. Beyond it the connection that has been idle longest is closed. */
const maxIdle = 512;

/**
 * The connections to one upstream. The most recently used idle connection is taken first, so that surplus connections reach the idle
 * timeout and are closed.
 */
export class ConnectionPool implements ClientConnectionOwner {
  readonly destination: Destination;
  readonly deadlines: Deadlines;
  /** Idle timeout in milliseconds, for connections put back from now on; should be shorter than the server's own. 0: none is kept. */
  idleMs: number;
  /** Question that connections opened from now on ask before they are used. */
  introduction: Introduction | undefined;
  /** Greatest age of a connection in milliseconds, for connections opened from now on; 0: none. */
  ageMs: number;
  /** Connections opened so far. */
  connects = 0;
  /** Times that an idle connection was used again. */
  reuses = 0;
  readonly #idle: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  /** Connections that cannot be opened at the moment, because this process lacks something; in the order of their exchanges. */
  readonly #starving: ClientConnection[] = [];
  #retired = false;
  /** Ends the watch of the host's addresses. */
  #unwatch: (() => void) | undefined;

  constructor(destination: Destination, deadlines: Deadlines, { idleMs, ageMs }: { readonly idleMs: number; readonly ageMs: number }) {
    this.destination = destination;
    this.deadlines = deadlines;
    this.idleMs = idleMs;
    this.ageMs = ageMs;
  }

  /** Number of open connections, idle ones included. */
  get open(): number {
    return this.#open.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** Takes an idle connection out of the pool, if there is one. */
  take(): ClientConnection | undefined {
    const connection = this.#idle.pop();
    if (connection) {
      connection.pooledSince = inUse;
      connection.reused = true;
      this.reuses++;
    }
    return connection;
  }

  /** Opens a new connection; `sink` is notified when it is established or has failed. @param preface octets to send before anything else */
  connect(sink: ResponseSink, connectMs: number, preface?: Buffer): ClientConnection {
    if (!this.#retired) this.#unwatch ??= processResolver.watch(this.destination.host, (present) => this.#moved(present));
    const connection = new ClientConnection(this, sink, connectMs, preface);
    // Connections that were opened together must not all end together.
    if (this.ageMs > 0) connection.keptUntil = this.deadlines.in(jittered(this.ageMs, Math.random));
    this.#open.add(connection);
    this.connects++;
    return connection;
  }

  /** Returns a connection over a wire that is open already. @param open opens it for its receiver */
  over(open: OpenWire): ClientConnection {
    const connection = new ClientConnection(this, undefined, 0, undefined, open);
    this.#open.add(connection);
    return connection;
  }

  /** Takes back a connection whose exchange ended well. */
  put(connection: ClientConnection): void {
    const { now } = this.deadlines;
    if (this.#retired || this.idleMs === 0 || connection.keptUntil <= now) {
      connection.close();
      return;
    }
    const starving = this.#starving.shift();
    if (starving !== undefined) {
      connection.reused = true;
      this.reuses++;
      starving.replaceBy(connection);
      return;
    }
    connection.pooledSince = this.deadlines.stamp();
    connection.deadline = Math.min(now + Math.min(this.idleMs, connection.peerIdleMs), connection.keptUntil);
    this.#idle.push(connection);
    if (this.#idle.length > maxIdle) this.#idle.shift()?.close();
  }

  starving(connection: ClientConnection): void {
    if (!this.#starving.includes(connection)) this.#starving.push(connection);
  }

  /** Forgets a connection that is closed. */
  closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    for (const list of [this.#idle, this.#starving]) {
      const index = list.indexOf(connection);
      if (index !== -1) list.splice(index, 1);
    }
  }

  /** Tells every exchange that still waits for its response that health checks say that the upstream hangs. */
  doubt(): void {
    for (const connection of [...this.#open]) connection.doubt();
  }

  /** Closes the idle connections, and keeps none from now on. */
  retire(): void {
    this.#retired = true;
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Keeps connections again, after `retire`. */
  revive(): void {
    this.#retired = false;
  }

  /** The host has other addresses: closes connections to the old ones, each after its present exchange. */
  #moved(present: ReadonlySet<string>): void {
    for (const connection of this.#open) {
      const { remoteAddress } = connection.wire;
      if (remoteAddress === undefined || !present.has(unmapped(remoteAddress))) connection.keptUntil = 0;
    }
    for (const connection of this.#idle.filter(({ keptUntil }) => keptUntil === 0)) connection.close();
    this.#idle.splice(0, this.#idle.length, ...this.#idle.filter(({ keptUntil }) => keptUntil > 0));
  }
}
