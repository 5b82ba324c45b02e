import type { Logger } from 'pino';
import type { Clock } from '../model/clock.ts';
import type { Outcome } from '../proxy/contract.ts';
import { shortageMessage } from '../proxy/shortage-message.ts';
import type { Upstream } from '../proxy/upstream.ts';

/** Milliseconds between two log lines about the same upstream. */
const quietMs = 60_000;

/** Logs which targets fail and why. Nothing else reveals it: the response to the client does not name the target, and few targets have health checks. */
export class TargetFailureLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #loggedAt = new WeakMap<Upstream, number>();
  #shortageLoggedAt = Number.NEGATIVE_INFINITY;

  constructor({ logger, clock }: { logger: Logger; clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes the outcome of an attempt; an upstream that keeps failing is logged once a minute. */
  observe(upstream: Upstream, outcome: Outcome): void {
    if (outcome.kind === 'answered' || outcome.kind === 'aborted') return;
    const now = this.#clock.now();
    if (outcome.kind === 'shortage') {
      this.#logShortage(outcome.reason, now);
      return;
    }
    const loggedAt = this.#loggedAt.get(upstream);
    if (loggedAt !== undefined && now - loggedAt < quietMs) return;
    this.#loggedAt.set(upstream, now);
    const { id: target, failures } = upstream;
    this.#logger.warn({ target, failures, outcome: outcome.kind, reason: outcome.reason }, 'requests to a target fail');
  }

  #logShortage(reason: string, now: number): void {
    if (now - this.#shortageLoggedAt < quietMs) return;
    this.#shortageLoggedAt = now;
    this.#logger.error({ reason }, shortageMessage('targets'));
  }
}
