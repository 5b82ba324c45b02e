import { ClientConnection, type ResponseSink } from './client-connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { Destination } from './wire-socket.ts';

/** Idle connections kept to one destination; the longest idle go first. */
const mostIdle = 512;

/** The connections to one upstream. The one used last is used first, so that those not needed grow old and go. */
export class ConnectionPool {
  readonly destination: Destination;
  readonly deadlines: Deadlines;
  /** How long a connection may be idle, in milliseconds; to be below the server's own limit. 0: none is kept. */
  idleMs: number;
  /** Connections opened so far, and how often one was used again. */
  connects = 0;
  reuses = 0;
  readonly #idle: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  #retired = false;

  constructor(destination: Destination, deadlines: Deadlines, idleMs: number) {
    this.destination = destination;
    this.deadlines = deadlines;
    this.idleMs = idleMs;
  }

  /** Connections open, idle ones included. */
  get open(): number {
    return this.#open.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** A connection that is idle, if there is one. */
  take(): ClientConnection | undefined {
    const connection = this.#idle.pop();
    if (connection) {
      connection.reused = true;
      this.reuses++;
    }
    return connection;
  }

  /** A new connection; `sink` hears when it is connected or has failed. */
  connect(sink: ResponseSink, connectMs: number): ClientConnection {
    const connection = new ClientConnection(this, sink, connectMs);
    this.#open.add(connection);
    this.connects++;
    return connection;
  }

  /** Takes back a connection whose exchange went well. */
  put(connection: ClientConnection): void {
    if (this.#retired || this.idleMs === 0) {
      connection.close();
      return;
    }
    connection.deadline = this.deadlines.in(this.idleMs);
    this.#idle.push(connection);
    if (this.#idle.length > mostIdle) this.#idle.shift()?.close();
  }

  /** The connection is gone. */
  closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  /** The upstream is taken for hung: those who wait for its answer hear of it. */
  doubt(): void {
    for (const connection of [...this.#open]) connection.doubt();
  }

  /** Closes what is idle and keeps nothing from now on. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Keeps connections again, after `retire`. */
  revive(): void {
    this.#retired = false;
  }
}
