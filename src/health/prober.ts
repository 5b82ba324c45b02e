import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { HealthSpec } from '../model/environment.ts';
import { HealthMachine, type HealthVerdict } from './health-machine.ts';
import { type Probe, type ProbeResult, probe } from './probe.ts';

/** While the verdict may change, checks are this many times as frequent as at other times. */
const speedUp = 10;
/** Shortest wait before such a check in milliseconds, unless the interval itself is shorter. */
const minWaitMs = 100;

/** Tools of a prober. */
export interface ProberTools {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes one check. Default: {@link probe}; tests give another. */
  readonly ask?: typeof probe;
}

/** A change of a server's state. */
export interface Flip {
  readonly state: HealthVerdict;
  /** The result that changed the state. */
  readonly result: ProbeResult;
}

/**
 * Checks one server repeatedly: at once when started, then at the interval (jittered ±10 %), ten times as often while the verdict may
 * change. Has one timer, and makes one check at a time.
 */
export class Prober {
  readonly #tools: ProberTools;
  readonly #machine = new HealthMachine();
  readonly #flipped: (flip: Flip) => void;
  readonly #results: Record<string, number>;
  readonly #address: string;
  #spec: HealthSpec;
  #timer: Timer | undefined;
  #giveUp: (() => void) | undefined;
  #started = false;
  #hastened = false;

  /** @param results counts to increment: `passed`, and each `ProbeFailure` */
  constructor(
    target: { address: string; spec: HealthSpec },
    tools: ProberTools,
    flipped: (flip: Flip) => void,
    results: Record<string, number> = {},
  ) {
    this.#results = results;
    this.#address = target.address;
    this.#spec = target.spec;
    this.#tools = tools;
    this.#flipped = flipped;
  }

  get state(): HealthVerdict {
    return this.#machine.state;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#check();
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
    this.#giveUp?.();
    this.#giveUp = undefined;
    this.#hastened = false;
  }

  /** Takes new settings for the same server. Its state stays. */
  adopt(spec: HealthSpec): void {
    this.#spec = spec;
    this.checkSoon();
  }

  /** Brings the next check forward, because something else suggests that the server fails. Does nothing while a check is under way. */
  checkSoon(): void {
    if (!this.#started || this.#giveUp !== undefined || this.#hastened) return;
    this.#hastened = true;
    this.#timer?.cancel();
    this.#timer = this.#tools.clock.after(jittered(minWaitMs / 2, this.#tools.random), () => this.#check());
  }

  #check(): void {
    this.#hastened = false;
    const { path, timeout, expect } = this.#spec;
    const check: Probe = { address: this.#address, path, timeout, expect };
    const ask = this.#tools.ask ?? probe;
    this.#giveUp = ask(check, this.#tools.clock, (result) => this.#take(result));
  }

  #take(result: ProbeResult): void {
    this.#giveUp = undefined;
    const outcome = result.passed ? 'passed' : result.failure;
    this.#results[outcome] = (this.#results[outcome] ?? 0) + 1;
    const flipped = this.#machine.observe(result.passed, this.#spec);
    const { interval } = this.#spec;
    const wait = this.#machine.undecided ? Math.min(interval, Math.max(minWaitMs, interval / speedUp)) : interval;
    this.#timer = this.#tools.clock.after(jittered(wait, this.#tools.random), () => this.#check());
    if (flipped) this.#flipped({ state: this.#machine.state, result });
  }
}
