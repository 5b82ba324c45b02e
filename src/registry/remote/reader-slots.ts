import type { Clock, Timer } from '../../model/clock.ts';

/** Peers that may read much at a time. The others wait, so that those that began are finished soon. */
const mostReaders = 8;
/** Milliseconds that a call waits for a slot. A gateway waits 5 s for an answer. */
const patienceMs = 2000;
/** Milliseconds between an answer and the next call after which a slot is free: the peer has what it needs, or is slow. */
const silenceMs = 500;
/** Milliseconds after which a peer goes to the end of the queue, so that none keeps a slot however much it reads. */
const longestMs = 10_000;

interface Waiting {
  readonly slot: Promise<boolean>;
  readonly resolve: (taken: boolean) => void;
  readonly timer: Timer;
}

interface Taken {
  readonly until: number;
  /** Runs between the peer's calls. */
  silence?: Timer;
}

/**
 * Slots for peers that read much of what is deployed, first come, first served. Without them, a thousand gateways that start together would all get
 * their answers too late, and ask again; with them a few at a time are served, and ready, while the others hear that they have to wait.
 */
export class ReaderSlots {
  readonly #clock: Clock;
  readonly #taken = new Map<object, Taken>();
  /** In the order of their calls. */
  readonly #waiting = new Map<object, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves to true when the peer has a slot, to false if it got none within two seconds. */
  take(peer: object): Promise<boolean> {
    const taken = this.#taken.get(peer);
    if (taken !== undefined && this.#clock.now() < taken.until) {
      taken.silence?.cancel();
      return Promise.resolve(true);
    }
    // Behind those that wait already.
    if (taken !== undefined) this.#free(peer, taken);
    const waiting = this.#waiting.get(peer) ?? this.#wait(peer);
    this.#fill();
    return waiting.slot;
  }

  /** Notes that a call is answered: a peer with a slot keeps the slot if its next call follows soon. */
  answered(peer: object): void {
    const taken = this.#taken.get(peer);
    if (taken === undefined) return;
    taken.silence?.cancel();
    const remainingMs = taken.until - this.#clock.now();
    taken.silence = this.#clock.after(Math.max(0, Math.min(silenceMs, remainingMs)), () => this.end(peer));
  }

  /** Frees the slot of a peer, or its place in the queue. */
  end(peer: object): void {
    this.#settle(peer, false);
    const taken = this.#taken.get(peer);
    if (taken !== undefined) this.#free(peer, taken);
    this.#fill();
  }

  #wait(peer: object): Waiting {
    let resolve: (taken: boolean) => void = () => {};
    const slot = new Promise<boolean>((settle) => {
      resolve = settle;
    });
    const waiting = { slot, resolve, timer: this.#clock.after(patienceMs, () => this.#settle(peer, false)) };
    this.#waiting.set(peer, waiting);
    return waiting;
  }

  #fill(): void {
    for (const peer of this.#waiting.keys()) {
      if (this.#taken.size >= mostReaders) return;
      this.#taken.set(peer, { until: this.#clock.now() + longestMs });
      this.#settle(peer, true);
    }
  }

  #settle(peer: object, taken: boolean): void {
    const waiting = this.#waiting.get(peer);
    if (waiting === undefined) return;
    this.#waiting.delete(peer);
    waiting.timer.cancel();
    waiting.resolve(taken);
  }

  #free(peer: object, { silence }: Taken): void {
    silence?.cancel();
    this.#taken.delete(peer);
  }
}
