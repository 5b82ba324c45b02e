import type { Logger } from 'pino';
import type { Clock } from '../model/clock.ts';
import type { Outcome } from '../proxy/contract.ts';
import type { Upstream } from '../proxy/upstream.ts';

/** Milliseconds between two lines about the same place. */
const quietMs = 60_000;

/** Says in the log which targets fail and why: the client is told only that one did, and a target has no health checks that would tell. */
export class Troubles {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #toldAt = new WeakMap<Upstream, number>();

  constructor({ logger, clock }: { logger: Logger; clock: Clock }) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** How an attempt went; a place that goes on failing is told of once a minute. */
  observe(upstream: Upstream, outcome: Outcome): void {
    if (outcome.kind === 'answered' || outcome.kind === 'aborted') return;
    const now = this.#clock.now();
    const toldAt = this.#toldAt.get(upstream);
    if (toldAt !== undefined && now - toldAt < quietMs) return;
    this.#toldAt.set(upstream, now);
    const { id: target, failures } = upstream;
    this.#logger.warn({ target, failures, outcome: outcome.kind, reason: outcome.reason }, 'a target does not answer as it should');
  }
}
