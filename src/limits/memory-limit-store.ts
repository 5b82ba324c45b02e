import type { Clock } from '../model/clock.ts';
import { answerAsk } from './answer-ask.ts';
import { mostTerm, rateOf } from './bucket-shares.ts';
import type { LimitState } from './limit-parts.ts';
import { holderOf, type LimitAsk, type LimitGrant, type LimitRule, type LimitStore } from './limit-store.ts';

/** Most keys; beyond this those that were not used for longest go. */
const mostKeys = 200_000;
/** Keys that each ask examines, so that those which are full again go. */
const examined = 2;

/** Keeps what quotas have used, across restarts. */
export interface QuotaLedger {
  /** Level of a key's quota as it would be read after a crash: at most the true one. */
  durable(key: string): LimitState | undefined;
  /** Resolves once these levels are durable. */
  save(states: ReadonlyMap<string, LimitState>): Promise<void>;
}

/** A {@link LimitStore} in the memory of this process. Quotas are durable if there is a ledger. */
export class MemoryLimitStore implements LimitStore {
  readonly #clock: Pick<Clock, 'now' | 'date'>;
  readonly #ledger: QuotaLedger | undefined;
  /** In order of the last use, apart from what was examined since. */
  readonly #states = new Map<string, { state: LimitState; idleAt: number; durable: boolean }>();

  constructor(clock: Pick<Clock, 'now' | 'date'>, ledger?: QuotaLedger) {
    this.#clock = clock;
    this.#ledger = ledger;
  }

  get size(): number {
    return this.#states.size;
  }

  /** States of all quotas. */
  *quotas(): IterableIterator<[string, LimitState]> {
    for (const [key, { state, durable }] of this.#states) if (durable) yield [key, state];
  }

  async ask(gateway: string, asks: readonly LimitAsk[]): Promise<readonly LimitGrant[]> {
    const used = new Map<string, LimitState>();
    const grants = asks.map((ask) => {
      const durable = ask.rule.kind === 'quota';
      // Buckets run by the monotonic clock, quotas by the calendar.
      const now = Math.floor((durable ? this.#clock.date() : this.#clock.now()) * 1000);
      const known = this.#states.get(ask.key)?.state ?? (durable ? this.#ledger?.durable(ask.key) : undefined);
      const { state, grant } = answerAsk(known, { gateway: holderOf(gateway, ask), ask, now });
      this.#states.delete(ask.key);
      this.#states.set(ask.key, { state, idleAt: this.#clock.now() + idleMs(ask.rule, grant), durable });
      if (durable) used.set(ask.key, state);
      this.#clean();
      return grant;
    });
    if (used.size > 0) await this.#ledger?.save(used);
    return grants;
  }

  #clean(): void {
    for (let count = 0; count < examined; count++) {
      const [oldest] = this.#states;
      if (oldest === undefined) return;
      const [key, entry] = oldest;
      const gone = entry.idleAt <= this.#clock.now() || (this.#states.size > mostKeys && !entry.durable);
      this.#states.delete(key);
      if (!gone) this.#states.set(key, entry);
    }
  }
}

/** Milliseconds after which a limit is as if it had never been used. */
export function idleMs(rule: LimitRule, { ends }: Pick<LimitGrant, 'ends'>): number {
  switch (rule.kind) {
    case 'bucket':
      return Math.ceil((rule.burst / rateOf(rule)) * 1000 + mostTerm / 1000);
    case 'quota':
      return Math.ceil(ends / 1000) + 1000;
    case 'slots':
      return 60_000;
  }
}
