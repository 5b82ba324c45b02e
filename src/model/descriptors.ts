import { inUse, LongestIdle, settledMs, type Yielding } from './longest-idle.ts';

/** Descriptors of a process that connections may not use: files, listeners, pipes, DNS and new connections that wait for room. */
const reserve = { least: 64, most: 512, share: 1 / 8 };
/** Share of the reserve for new connections that wait for room. */
const waitingShare = 1 / 4;

/** A connection that is never closed to make room. */
const alwaysInUse = { idleSince: () => inUse, giveWay() {} };

/**
 * The connections of this process, each of which holds a descriptor: of clients, to servers, to the control address, of health checks.
 * When there are as many as the process can have, the one that is idle the longest is closed to make room for another.
 */
export class Descriptors {
  /** Greatest number of connections; beyond it there is room only for what must not wait, such as connections to servers. */
  most = Number.POSITIVE_INFINITY;
  /** Greatest number of accepted connections that wait for room, over all listeners. */
  waiting = reserve.most * waitingShare;
  /** Called when the limit has forced a connection to be closed, to wait or to be refused: for a log that is not to be flooded. */
  limitReached: () => void = () => {};
  /** Clock of the times that `idleSince` returns: a connection stamped before that time has been read since. */
  clock: { readonly before: number } = { before: 0 };
  readonly #open = new Set<Yielding>();
  readonly #longestIdle = new LongestIdle(this.#open);
  #makesRoomSoon = false;

  /** Number of open connections. */
  get open(): number {
    return this.#open.size;
  }

  get full(): boolean {
    return this.#open.size >= this.most;
  }

  /** Sets the limits. @param total descriptors that the process can have; Infinity: no limit is known */
  divide(total: number): void {
    const kept = Math.min(reserve.most, Math.max(reserve.least, Math.floor(total * reserve.share)));
    this.most = Math.max(Math.floor(total / 4), total - kept);
    this.waiting = Math.floor(kept * waitingShare);
  }

  opened(connection: Yielding): void {
    this.#open.add(connection);
    if (this.#open.size > this.most) this.#makeRoomSoon();
  }

  /** May be called more than once. */
  closed(connection: Yielding): void {
    this.#open.delete(connection);
  }

  /** Counts a socket that is never closed to make room, until it is closed. An idle connection gives way to it if need be. */
  hold(socket: { once(event: 'close', closed: () => void): unknown }): void {
    socket.once('close', this.holdUntil());
  }

  /** Counts a connection that is never closed to make room, until the returned function is called. */
  holdUntil(): () => void {
    const held = { ...alwaysInUse };
    this.opened(held);
    return () => this.closed(held);
  }

  /**
   * Closes the connection that is idle the longest; false: there is none.
   * @param atAnyCost also one that was in use just now, whose client may be sending its next request
   */
  makeRoom(atAnyCost = false): boolean {
    this.limitReached();
    return this.#longestIdle.close(atAnyCost ? undefined : this.clock.before - settledMs);
  }

  /**
   * Closes as many idle connections as there are too many, once everything that has arrived is read: one on which a request has come is
   * not idle any more. Until then the reserve has room.
   */
  #makeRoomSoon(): void {
    if (this.#makesRoomSoon) return;
    this.#makesRoomSoon = true;
    setImmediate(() => {
      this.#makesRoomSoon = false;
      while (this.#open.size > this.most && this.makeRoom());
    });
  }
}

/** The process-wide instance. */
export const processDescriptors = new Descriptors();
