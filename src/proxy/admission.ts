import type net from 'node:net';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { processDescriptors } from '../model/descriptors.ts';

/** Longest wait of an accepted connection, in milliseconds. */
const waitMs = 5000;
/** Milliseconds between two looks for room. */
const lookMs = 100;
/** Most connections that are turned away at a time; beyond it the first of them is reset. */
const mostTurnedAway = 8;

/** The listener whose connections are admitted. */
export interface AdmissionOwner {
  /** The listener, or the process, has as many connections as it may have. */
  readonly full: boolean;
  /** Closes the connection that is idle the longest; false: none is idle, or not for long enough. */
  makeRoom(): boolean;
  admit(socket: net.Socket): void;
  /** Answers that there are too many connections, and closes, with time for the client to read that. */
  turnAway(socket: net.Socket): { destroy(): void };
}

interface Newcomer {
  readonly socket: net.Socket;
  readonly since: number;
}

/** Connections that wait for room, over all listeners of the process. */
let waiting = 0;
/** Connections turned away, over all listeners; some are closed already. */
const turnedAway: { destroy(): void }[] = [];

/**
 * Decides on connections that were accepted when there was no room. One that is idle for a while gives way at once. If all have just been
 * used, newcomers wait, unread, in the order of their arrival. One for which none becomes idle is turned away.
 */
export class Admission implements Watched {
  deadline = 0;
  readonly #owner: AdmissionOwner;
  readonly #waiting: Newcomer[] = [];
  #looksSoon = false;
  /** Time of the deadlines at which no connection was idle for long enough: another look at the same time would find none either. */
  #allBusyAt = -1;

  constructor(owner: AdmissionOwner) {
    this.#owner = owner;
  }

  /** Number of connections that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Takes an accepted connection, of which nothing was read, while there is no room or others wait. */
  arrive(socket: net.Socket): void {
    processDescriptors.limitReached();
    socket.on('error', ignore);
    this.#waiting.push({ socket, since: processDeadlines.now });
    waiting++;
    if (waiting > processDescriptors.waiting) this.#decide(this.#leave());
    this.lookSoon();
  }

  /** Looks for room once everything that has arrived is read: a connection on which a request has come is not idle any more. */
  lookSoon(): void {
    if (this.#looksSoon) return;
    this.#looksSoon = true;
    setImmediate(() => {
      this.#looksSoon = false;
      this.#look();
    });
  }

  /** Admits all that wait: the listener closes. */
  end(): void {
    while (this.#waiting.length > 0) this.#owner.admit(this.#leave());
    processDeadlines.unwatch(this);
  }

  expire(): void {
    this.#look();
  }

  crashed(error: unknown): void {
    throw error;
  }

  #look(): void {
    while (this.#waiting.length > 0) {
      const waited = processDeadlines.now - (this.#waiting[0] as Newcomer).since;
      if (this.#hasRoom()) this.#owner.admit(this.#leave());
      else if (waited >= waitMs) this.#turnAway(this.#leave());
      else break;
    }
    processDeadlines.unwatch(this);
    if (this.#waiting.length === 0) return;
    this.deadline = processDeadlines.in(lookMs);
    processDeadlines.watch(this);
  }

  /** Admits a connection if another one can go, else turns it away. */
  #decide(socket: net.Socket): void {
    if (this.#hasRoom()) this.#owner.admit(socket);
    else this.#turnAway(socket);
  }

  #turnAway(socket: net.Socket): void {
    if (turnedAway.push(this.#owner.turnAway(socket)) > mostTurnedAway) turnedAway.shift()?.destroy();
  }

  #hasRoom(): boolean {
    const { now } = processDeadlines;
    while (this.#owner.full) {
      if (this.#allBusyAt === now) return false;
      if (this.#owner.makeRoom()) continue;
      this.#allBusyAt = now;
      return false;
    }
    return true;
  }

  /** Takes the first that waits out of the queue. */
  #leave(): net.Socket {
    waiting--;
    const { socket } = this.#waiting.shift() as Newcomer;
    return socket.off('error', ignore);
  }
}

function ignore(): void {}
