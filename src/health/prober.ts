import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { HealthSpec } from '../model/environment.ts';
import type { TlsConnector } from '../tls/tls-connector.ts';
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

/** A server to check, and what the check compares besides its answer. */
export interface ProbedServer extends Pick<Probe, 'refuse' | 'foreign' | 'preface' | 'guard'> {
  readonly address: string;
  readonly spec: HealthSpec;
  /** Makes the TLS connections to the server; undefined: they are plain. */
  readonly secure?: TlsConnector | undefined;
}

/** A change of a server's state or identity, or of the reason why it is down. */
export interface Flip {
  readonly state: HealthVerdict;
  /** The result that caused the change. */
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
  readonly #server: ProbedServer;
  #spec: HealthSpec;
  #secure: TlsConnector | undefined;
  #timer: Timer | undefined;
  #giveUp: (() => void) | undefined;
  /** Instance that answered the last passed check, or why another server was refused since. */
  #answering = '';
  /** Reason of the last failed check that was reported. */
  #reason = '';
  #started = false;
  #hastened = false;

  /** @param results counts to increment: `passed`, and each `ProbeFailure` */
  constructor(server: ProbedServer, tools: ProberTools, flipped: (flip: Flip) => void, results: Record<string, number> = {}) {
    this.#results = results;
    this.#server = server;
    this.#spec = server.spec;
    this.#secure = server.secure;
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
  adopt(spec: HealthSpec, secure?: TlsConnector): void {
    this.#spec = spec;
    this.#secure = secure;
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
    const { path, timeout, expect, host, port, tls } = this.#spec;
    const { address, refuse, foreign, preface, guard } = this.#server;
    const secure = this.#secure && { secure: this.#secure };
    const about = {
      ...secure,
      ...(refuse && { refuse }),
      ...(foreign && { foreign }),
      ...(preface && { preface }),
      ...(guard && { guard }),
    };
    const check: Probe = { address, path, timeout, expect, host, port, tls, ...about };
    const ask = this.#tools.ask ?? probe;
    this.#giveUp = ask(check, this.#tools.clock, (result) => this.#take(result));
  }

  #take(result: ProbeResult): void {
    this.#giveUp = undefined;
    const outcome = result.passed ? 'passed' : result.failure;
    this.#results[outcome] = (this.#results[outcome] ?? 0) + 1;
    const { interval } = this.#spec;
    const flipped = this.#observe(result);
    const wait = this.#machine.undecided ? Math.min(interval, Math.max(minWaitMs, interval / speedUp)) : interval;
    this.#timer = this.#tools.clock.after(jittered(wait, this.#tools.random), () => this.#check());
    if (!flipped) return;
    this.#reason = result.passed ? '' : result.reason;
    this.#flipped({ state: this.#machine.state, result });
  }

  /** Takes a result into the verdict; true if that changed it, who answers, or why the server is down. */
  #observe(result: ProbeResult): boolean {
    if (!result.passed && result.failure === 'shortage') return false;
    const isOther = !result.passed && result.failure === 'other-server';
    // Another server at the address is no doubt: it must not get one request.
    const { rise, fall } = this.#spec;
    const flipped = this.#machine.observe(result.passed, { rise, fall: isOther ? 1 : fall });
    const before = this.#answering;
    if (isOther) this.#answering = result.reason;
    else if (result.passed) this.#answering = result.identity?.instance ?? '';
    const otherReason = !result.passed && this.#machine.state === 'down' && result.reason !== this.#reason;
    return flipped || otherReason || this.#answering !== before;
  }
}
