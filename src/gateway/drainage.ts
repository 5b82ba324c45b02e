import type { Clock, Timer } from '../model/clock.ts';

/** What goes on at a gateway, as plain numbers. */
export interface WorkInFlight {
  /** Client connections open, idle ones included. */
  readonly connections: number;
  /** Exchanges in flight. */
  readonly active: number;
  /** Exchanges begun so far, checks of readiness aside. */
  readonly requests: number;
}

const lookMs = 50;
/** Without any connection for this long, whoever sent requests has heard that they should go elsewhere. */
const emptyMs = 300;
/** The same, where connections stay open without being used. */
const idleMs = 2000;

/**
 * Waits until requests have stopped coming and none is in flight: `done` settles then, or when `graceMs` have passed,
 * and never fails. The numbers are looked at from time to time, so that requests cost nothing extra.
 */
export class Drainage {
  readonly done: Promise<void>;
  readonly #traffic: WorkInFlight;
  readonly #clock: Clock;
  readonly #deadline: number;
  #finish: () => void = () => {};
  #finished = false;
  #timer: Timer | undefined;
  #seen: number;
  #lastBusy: number;
  #lastConnected: number;

  constructor(traffic: WorkInFlight, clock: Clock, graceMs: number) {
    this.#traffic = traffic;
    this.#clock = clock;
    this.#seen = traffic.requests;
    this.#lastBusy = this.#lastConnected = clock.now();
    this.#deadline = clock.now() + graceMs;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#look();
  }

  /** Whether `done` has settled. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Stops looking; `done` never settles then. */
  cancel(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { active, requests, connections } = this.#traffic;
    const now = this.#clock.now();
    if (active > 0 || requests !== this.#seen) this.#lastBusy = now;
    if (connections > 0) this.#lastConnected = now;
    this.#seen = requests;
    const quiet = active === 0 && (now - this.#lastConnected >= emptyMs || now - this.#lastBusy >= idleMs);
    if (quiet || now >= this.#deadline) {
      this.#finished = true;
      this.#finish();
    } else {
      this.#timer = this.#clock.after(lookMs, () => this.#look());
    }
  }
}
