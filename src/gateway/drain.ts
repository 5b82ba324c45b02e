import type { Clock, Timer } from '../model/clock.ts';

/** Present load of a gateway. */
export interface GatewayLoad {
  /** Open client connections, idle ones included. */
  readonly connections: number;
  /** Exchanges in flight. */
  readonly active: number;
  /** Exchanges started so far, readiness checks excluded. */
  readonly requests: number;
}

const pollMs = 50;
/** Milliseconds without any connection after which every balancer must have learned that this server drains. */
const emptyMs = 300;
/** Milliseconds without a request, while connections stay open, after which the same holds. */
const idleMs = 2000;

/**
 * Waits until no more requests arrive and none is in flight: `done` resolves then, or after `graceMs`, and never rejects.
 * Polls the load, so that requests cost nothing extra.
 */
export class Drain {
  readonly done: Promise<void>;
  readonly #load: GatewayLoad;
  readonly #clock: Clock;
  readonly #deadline: number;
  #resolve: () => void = () => {};
  #finished = false;
  #timer: Timer | undefined;
  #lastRequests: number;
  #lastBusy: number;
  #lastConnected: number;

  constructor(load: GatewayLoad, clock: Clock, graceMs: number) {
    this.#load = load;
    this.#clock = clock;
    this.#lastRequests = load.requests;
    this.#lastBusy = this.#lastConnected = clock.now();
    this.#deadline = clock.now() + graceMs;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#poll();
  }

  /** True once `done` has resolved. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Stops polling; `done` then never resolves. */
  cancel(): void {
    this.#timer?.cancel();
  }

  #poll(): void {
    const { active, requests, connections } = this.#load;
    const now = this.#clock.now();
    if (active > 0 || requests !== this.#lastRequests) this.#lastBusy = now;
    if (connections > 0) this.#lastConnected = now;
    this.#lastRequests = requests;
    const quiet = active === 0 && (now - this.#lastConnected >= emptyMs || now - this.#lastBusy >= idleMs);
    if (quiet || now >= this.#deadline) {
      this.#finished = true;
      this.#resolve();
    } else {
      this.#timer = this.#clock.after(pollMs, () => this.#poll());
    }
  }
}
