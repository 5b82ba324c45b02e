import type { Logger } from 'pino';
import { Ejection, type OutlierSettings } from '../health/ejection.ts';
import { FailureStreak } from '../health/failure-streak.ts';
import type { HealthVerdict } from '../health/health-machine.ts';
import { type Flip, Prober, type ProberTools } from '../health/prober.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Timer } from '../model/clock.ts';
import type { FailureKind } from '../model/counts.ts';
import type { HealthSpec } from '../model/environment.ts';
import type { Upstream } from '../proxy/upstream.ts';

/** Inputs of a {@link UrlHealth}. */
interface UrlHealthParts extends Pick<ProberTools, 'clock' | 'random'> {
  readonly logger: Logger;
  readonly project: string;
  readonly target: string;
  readonly upstream: Upstream;
  /** Undefined: the URL is not checked. */
  readonly checks: HealthSpec | undefined;
  /** Addresses that are not checked, since targets must not have them. */
  readonly guard: AddressGuard | undefined;
}

/**
 * Health of one URL of a target: its checks, made while the project is served, and its ejection decide whether its upstream is out of the
 * choice. The next revision goes on with it if URL and settings are the same.
 */
export class UrlHealth {
  readonly streak = new FailureStreak();
  /** Checks by result: passed, or the reason for failing. */
  readonly results: Record<string, number> = {};
  /** Ejections by kind of the last failure. */
  readonly ejections: Record<string, number> = {};
  readonly #parts: UrlHealthParts;
  #begun = false;
  #prober: Prober | undefined;
  #state: HealthVerdict = 'unknown';
  #ejection = new Ejection();
  #ejected: Timer | undefined;
  /** Why the checks last failed, and why the URL was last ejected. */
  #downFor = '';
  #ejectedFor = '';

  constructor(parts: UrlHealthParts) {
    this.#parts = parts;
  }

  get upstream(): Upstream {
    return this.#parts.upstream;
  }

  get ejected(): boolean {
    return this.#ejected !== undefined;
  }

  /** Why the URL is out of the choice; undefined: it is not. */
  get outFor(): string | undefined {
    if (this.#state === 'down') return this.#downFor;
    return this.ejected ? `ejected: ${this.#ejectedFor}` : undefined;
  }

  /** The project begins, or continues, to be served. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const { checks: spec, upstream, guard, clock, random } = this.#parts;
    if (spec === undefined) return;
    const server = { address: upstream.authority, spec, secure: upstream.secure, guard };
    const prober = new Prober(server, { clock, random }, (flip) => this.#judge(flip), this.results);
    this.#prober = prober;
    prober.start();
  }

  /** The project is no longer served with this URL and these settings. */
  end(): void {
    this.#begun = false;
    this.#prober?.stop();
    this.#prober = undefined;
    this.#state = 'unknown';
    this.#ejected?.cancel();
    this.#ejected = undefined;
    this.#ejection = new Ejection();
    this.streak.end();
    this.upstream.out = false;
  }

  /** Checks the URL soon, because a request to it has failed. */
  suspect(): void {
    this.#prober?.checkSoon();
  }

  /** Takes the URL out of the choice for a while. */
  eject(settings: OutlierSettings, failure: FailureKind | 'status', reason: string): void {
    if (!this.#begun) return;
    const { clock, logger } = this.#parts;
    this.#ejectedFor = reason;
    const lastsMs = this.#ejection.eject(settings, clock.now());
    this.ejections[failure] = (this.ejections[failure] ?? 0) + 1;
    logger.warn({ ...this.labels, lastsMs, failure, reason }, 'target ejected: too many failures in a row');
    this.#ejected = clock.after(lastsMs, () => {
      this.#ejected = undefined;
      this.#update();
      logger.info(this.labels, 'target no longer ejected');
    });
    this.#update();
  }

  #judge({ state, result }: Flip): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#update();
    const { logger, upstream } = this.#parts;
    if (result.passed) {
      logger.info(this.labels, 'target up');
      return;
    }
    const { failure, reason } = result;
    this.#downFor = reason;
    logger.warn({ ...this.labels, failure, reason }, 'target down');
    if (failure === 'hung' || failure === 'connect-timeout') upstream.doubt();
  }

  #update(): void {
    this.upstream.out = this.#state === 'down' || this.ejected;
  }

  /** Labels of metrics and log lines, with host and port only: the rest of a URL may contain a secret. */
  get labels() {
    const { project, target, upstream } = this.#parts;
    return { project, target, upstream: upstream.authority };
  }
}
