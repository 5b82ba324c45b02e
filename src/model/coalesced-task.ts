import type { Clock, Timer } from './clock.ts';

const atOnce = Number.NEGATIVE_INFINITY;
const never = Number.POSITIVE_INFINITY;

/**
 * A task that runs one at a time. Requests are coalesced: all that arrive before a run begins lead to that one run, and all that
 * arrive during a run lead to one more run after it, so that a flood of news never becomes a flood of runs and no news is missed.
 */
export class CoalescedTask {
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #run: () => Promise<void>;
  readonly #rest: (tookMs: number) => number;
  /** When the next run begins, by the clock, if no rest delays it. */
  #dueAt = never;
  #restsUntil = atOnce;
  #timer: Timer | undefined;
  #busy = false;
  #present: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  #stopped = false;

  /**
   * @param options.run handles its own failures; anything that it throws becomes an unhandled rejection
   * @param options.rest milliseconds between the end of a run and the next run, given how long that run took; default none
   */
  constructor(options: { clock: Pick<Clock, 'now' | 'after'>; run: () => Promise<void>; rest?: (tookMs: number) => number }) {
    this.#clock = options.clock;
    this.#run = options.run;
    this.#rest = options.rest ?? (() => 0);
  }

  /** Requests a run that begins in `delayMs` at the latest, unless it must wait for the running one and the rest after it. */
  soon(delayMs = 0): void {
    this.#request(this.#clock.now() + delayMs);
  }

  /** Requests a run at once, and resolves when a run that began after this call has ended, or the task was stopped. */
  now(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#request(atOnce);
      if (this.#stopped) this.#release();
    });
  }

  /** Drops every request made by `soon`; the next run begins in `delayMs`, earlier only if it is requested from now on. For back-off. */
  postpone(delayMs: number): void {
    if (this.#dueAt === atOnce) return;
    this.#dueAt = never;
    this.soon(delayMs);
  }

  /** Brings a requested run forward to now. Resolves when no run is requested or under way. */
  async flush(): Promise<void> {
    if (this.#dueAt !== never) await this.now();
    await this.#present;
  }

  /** No run begins from now on. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#release();
  }

  #request(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (this.#stopped || this.#busy || this.#dueAt === never) return;
    const waitMs = Math.max(this.#dueAt, this.#restsUntil) - this.#clock.now();
    if (waitMs > 0) this.#timer = this.#clock.after(waitMs, () => this.#begin());
    // Not by the clock, whose timers do not keep a process alive that is only starting.
    else this.#begin();
  }

  #begin(): void {
    this.#busy = true;
    this.#present = this.#runOnce();
  }

  async #runOnce(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#dueAt = never;
    const begunAt = this.#clock.now();
    try {
      await this.#run();
    } finally {
      const endedAt = this.#clock.now();
      this.#restsUntil = endedAt + this.#rest(endedAt - begunAt);
      this.#busy = false;
      for (const resolve of waiting) resolve();
      this.#schedule();
    }
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting = [];
  }
}
