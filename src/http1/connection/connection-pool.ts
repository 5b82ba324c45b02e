import { ClientConnection, type ClientConnectionOwner, type ResponseSink } from './client-connection.ts';
import type { Deadlines } from './deadlines.ts';
import type { Introduction } from './introduction.ts';
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
  /** Connections opened so far. */
  connects = 0;
  /** Times that an idle connection was used again. */
  reuses = 0;
  readonly #idle: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  #retired = false;

  constructor(destination: Destination, deadlines: Deadlines, idleMs: number) {
    this.destination = destination;
    this.deadlines = deadlines;
    this.idleMs = idleMs;
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
      connection.reused = true;
      this.reuses++;
    }
    return connection;
  }

  /** Opens a new connection; `sink` is notified when it is established or has failed. */
  connect(sink: ResponseSink, connectMs: number): ClientConnection {
    const connection = new ClientConnection(this, sink, connectMs);
    this.#open.add(connection);
    this.connects++;
    return connection;
  }

  /** Takes back a connection whose exchange ended well. */
  put(connection: ClientConnection): void {
    if (this.#retired || this.idleMs === 0) {
      connection.close();
      return;
    }
    connection.deadline = this.deadlines.in(this.idleMs);
    this.#idle.push(connection);
    if (this.#idle.length > maxIdle) this.#idle.shift()?.close();
  }

  /** Forgets a connection that is closed. */
  closed(connection: ClientConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  /** Tells every exchange that still waits for its response that health checks say that the upstream hangs. */
  doubt(): void {
    for (const connection of [...this.#open]) connection.doubt();
  }

  /** Closes the idle connections, and keeps none from now on. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Keeps connections again, after `retire`. */
  revive(): void {
    this.#retired = false;
  }
}
