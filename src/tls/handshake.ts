import { networkOf } from '../model/ip-address.ts';
import type { Yielding } from '../model/longest-idle.ts';
import type { Accepted } from './accepted.ts';
import { type ClientHello, readClientHello } from './client-hello.ts';
import { failedHandshakes } from './failed-handshakes.ts';
import { type Secured, type SecuredConnection, type SecureSocket, tlsRecord } from './secured-connection.ts';

const nothing = Buffer.alloc(0);

/** Consequences of the steps of a handshake. */
interface Steps {
  readonly secured: Secured;
  /** The handshake has ended without a connection. */
  dropped(): void;
  /** The ClientHello was read. */
  heard(hello: ClientHello): void;
  /** A client that does not begin with TLS gets no answer. */
  readonly silent: boolean;
}

/** A handshake under way, and the connection that comes of it. */
export class Handshake implements Yielding {
  deadline = 0;
  /** IP address of the client. */
  readonly client: string;
  readonly network: string;
  /** Name that the client asked for. */
  serverName: string | undefined;
  /** The client has sent its ClientHello. */
  begun = false;
  /** The failure is reported, or is none of the client's. */
  judged = false;
  readonly accepted: Accepted;
  readonly #since: number;
  readonly #steps: Steps;
  #held: Buffer = nothing;

  constructor(accepted: Accepted, client: string, since: number, steps: Steps) {
    this.accepted = accepted;
    this.client = client;
    this.network = networkOf(client);
    this.#since = since;
    this.#steps = steps;
  }

  /** Waits for the ClientHello. */
  listen(): void {
    this.accepted.readFirst(
      (piece) => this.#read(piece),
      () => this.destroy(),
    );
  }

  idleSince(): number {
    return this.#since;
  }

  giveWay(): void {
    this.destroy();
  }

  /** Closes the socket, and the connection that was made of it. */
  destroy(): void {
    this.judged = true;
    this.#steps.dropped();
    this.accepted.destroy();
  }

  expire(): void {
    this.refuse('the handshake took too long');
  }

  /** Reports a fault of the client, and closes its connection. */
  refuse(reason: string): void {
    failedHandshakes.report(this.client, new Error(reason));
    this.destroy();
  }

  crashed(error: unknown): void {
    throw error;
  }

  /** The octets read so far. */
  get hello(): Buffer {
    return this.#held;
  }

  complete(connection: SecureSocket, about: SecuredConnection): void {
    this.#steps.secured(connection, about);
  }

  /** Returns true once the ClientHello is complete. */
  #read(piece: Buffer): boolean {
    this.#held = this.#held.length === 0 ? Buffer.from(piece) : Buffer.concat([this.#held, piece]);
    if (this.#steps.silent && this.#held[0] !== tlsRecord) {
      this.refuse('it speaks plain HTTP, and this server accepts only TLS from its address (serverTls)');
      return false;
    }
    const hello = readClientHello(this.#held);
    if (hello === 'incomplete') return false;
    this.serverName = hello.serverName || undefined;
    this.begun = true;
    this.#steps.heard(hello);
    return true;
  }
}
