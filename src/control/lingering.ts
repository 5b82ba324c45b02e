import type { Socket } from 'node:net';
import { handleOf, takeHandle } from '../http1/connection/tls-internals.ts';
import type { Clock } from '../model/clock.ts';
import { processDescriptors } from '../model/descriptors.ts';

/** Milliseconds that a client gets to read its answer before the connection is cut. */
const lingerMs = 1000;
/** Most connections at a time whose clients get that long. */
export const maxLingering = 64;

/**
 * Connections of which nothing is read any more, and that wait until their clients have read the answers: to close one at once would reset it, and the
 * client might lose the answer.
 */
export class Lingering {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #endings = new Set<Ending>();
  /** A timer is set, one for all. */
  #timed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends what was written, and the FIN; the connection is closed later. */
  end(socket: Socket): void {
    if (socket.writableEnded) return;
    const ending = new Ending(this.#clock.now() + lingerMs, socket);
    this.#endings.add(ending);
    socket.end(() => ending.shrink());
    socket.once('close', () => {
      if (ending.isWhole) this.#endings.delete(ending);
    });
    const [oldest] = this.#endings;
    if (this.#endings.size > maxLingering && oldest !== undefined) this.#close(oldest);
    this.#wait();
  }

  /** Closes all at once. */
  close(): void {
    for (const ending of this.#endings) this.#close(ending);
  }

  #close(ending: Ending): void {
    this.#endings.delete(ending);
    ending.close();
  }

  #wait(): void {
    const [oldest] = this.#endings;
    if (this.#timed || oldest === undefined) return;
    this.#timed = true;
    this.#clock.after(oldest.dueAt - this.#clock.now(), () => {
      this.#timed = false;
      const now = this.#clock.now();
      for (const ending of this.#endings) {
        if (ending.dueAt > now) break;
        this.#close(ending);
      }
      this.#wait();
    });
  }
}

/**
 * A connection that ends at its time. Once the FIN of a plain one was sent, its handle alone waits: a socket with its parser, request and response would be
 * copied by garbage collections meanwhile, which delays traffic. So there is no closure here, which would keep what it does not need.
 */
class Ending {
  readonly dueAt: number;
  #socket: Socket | undefined;
  #handle: { close(): void } | undefined;
  /** Counts the handle no more. */
  #release: (() => void) | undefined;

  constructor(dueAt: number, socket: Socket) {
    this.dueAt = dueAt;
    this.#socket = socket;
  }

  get isWhole(): boolean {
    return this.#socket !== undefined;
  }

  /** Lets go of all but the handle, where it can be taken out of its socket. */
  shrink(): void {
    const handle = this.#socket === undefined || this.#socket.destroyed ? undefined : handleOf(this.#socket);
    if (handle === undefined) return;
    const socket = this.#socket as Socket;
    this.#socket = undefined;
    this.#release = processDescriptors.holdUntil();
    // Node's HTTP parser reads from the handle itself, until someone else listens.
    socket.on('data', ignore);
    // A handle keeps alive what it belongs to.
    const properties = handle as unknown as Record<symbol, unknown>;
    for (const key of Object.getOwnPropertySymbols(handle)) if (properties[key] === socket) properties[key] = undefined;
    // The process need not live on for it.
    (handle as { unref?(): void }).unref?.();
    this.#handle = takeHandle(socket, handle);
  }

  close(): void {
    this.#socket?.destroy();
    this.#handle?.close();
    this.#release?.();
  }
}

function ignore(): void {}
