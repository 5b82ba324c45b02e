import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { HealthSpec } from '../model/environment.ts';
import { HealthMachine, type Wellness } from './health-machine.ts';
import { type Probe, type ProbeResult, probe } from './probe.ts';

/** While a verdict is pending, checks come this many times as often as the interval says. */
const hurry = 10;
/** But, unless the interval itself is shorter, never more often than this, in milliseconds. */
const shortestWait = 100;

/** What a prober needs beside its target. */
export interface ProberTools {
  readonly clock: Clock;
  readonly random: Random;
  /** For tests; default: a real {@link probe}. */
  readonly ask?: typeof probe;
}

/** What a check made of a server's state. */
export interface Flip {
  readonly state: Wellness;
  /** Of the check that turned it. */
  readonly result: ProbeResult;
}

/**
 * Checks one server over and over: at once when started, then by interval (jittered ±10 %), ten times as often while
 * the verdict is pending. One timer, and never two checks at a time.
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

  /** @param results counted on: `passed`, and each reason for which a check failed */
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

  get state(): Wellness {
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

  /** New settings for the same server: what is known of it stays. */
  adopt(spec: HealthSpec): void {
    this.#spec = spec;
    this.checkSoon();
  }

  /** Something speaks against the server: do not wait for the interval to end. Costs nothing while a check is on its way. */
  checkSoon(): void {
    if (!this.#started || this.#giveUp !== undefined || this.#hastened) return;
    this.#hastened = true;
    this.#timer?.cancel();
    this.#timer = this.#tools.clock.after(jittered(shortestWait / 2, this.#tools.random), () => this.#check());
  }

  #check(): void {
    this.#hastened = false;
    const { path, timeout, expect } = this.#spec;
    const question: Probe = { address: this.#address, path, timeout, expect };
    const ask = this.#tools.ask ?? probe;
    this.#giveUp = ask(question, this.#tools.clock, (result) => this.#take(result));
  }

  #take(result: ProbeResult): void {
    this.#giveUp = undefined;
    const told = result.passed ? 'passed' : result.failure;
    this.#results[told] = (this.#results[told] ?? 0) + 1;
    const flipped = this.#machine.observe(result.passed, this.#spec);
    const { interval } = this.#spec;
    const wait = this.#machine.wavering ? Math.min(interval, Math.max(shortestWait, interval / hurry)) : interval;
    this.#timer = this.#tools.clock.after(jittered(wait, this.#tools.random), () => this.#check());
    if (flipped) this.#flipped({ state: this.#machine.state, result });
  }
}
