import { type Asked, HeldLimit } from './held-limit.ts';
import { type LimitGrant, micro, type QuotaRule } from './limit-store.ts';

/** Milliseconds without a request after which the gateway gives back the tokens that it holds in advance. */
const idleMs = 1000;
/** Milliseconds between two calls about a quota that is used up: another gateway may have given tokens back. */
const pauseMs = 1000;
/** Milliseconds at the end of a period in which nothing is given back: it could arrive in the next one. */
const graceMs = 5000;

/** A key of a quota: the gateway holds tokens of the present period in advance. */
export class HeldQuota extends HeldLimit<QuotaRule> {
  /** End of the period; -Infinity: the gateway holds no tokens. */
  #end = Number.NEGATIVE_INFINITY;
  #periodEnd = Number.NEGATIVE_INFINITY;
  #demand = 0;

  get holds(): boolean {
    return this.#end !== Number.NEGATIVE_INFINITY;
  }

  get remaining(): number {
    return this.keeper.now() > this.#periodEnd ? this.rule.limit : Math.max(0, this.left + this.level);
  }

  get resetMs(): number {
    return Math.max(0, this.#periodEnd - this.keeper.now());
  }

  waitMs(): number {
    return this.resetMs;
  }

  get worthReturning(): boolean {
    return this.holds && this.level >= micro && this.resetMs > graceMs;
  }

  endsSoon(): boolean {
    return false;
  }

  check(now: number): void {
    this.advance(now);
    if (!this.asking && this.worthReturning && now - this.usedAt > idleMs) this.keeper.due(this, false);
  }

  protected advance(now: number): void {
    if (now <= this.#end || this.asking || !this.keeper.reachable) return;
    this.level = Math.min(0, this.level);
    this.#end = Number.NEGATIVE_INFINITY;
  }

  protected regain(amount: number, now: number): void {
    if (now > this.#periodEnd) return;
    this.level += amount;
    this.#end = this.#periodEnd;
    this.keeper.holding(this);
  }

  protected give(now: number, leaving: boolean, waiting: boolean): Asked {
    const elapsed = now - this.askedAt;
    this.#demand = elapsed === Number.POSITIVE_INFINITY ? 0 : Math.floor((this.counted * 1000) / Math.max(100, elapsed));
    const exact = this.exact || leaving || (!waiting && now - this.usedAt > idleMs);
    const tokens = Math.max(0, Math.floor(this.level));
    const returns = exact && this.worthReturning;
    if (returns) this.level -= tokens;
    return { back: returns ? tokens : 0, keep: returns ? 0 : tokens, demand: this.#demand, exact };
  }

  protected adopt(grant: LimitGrant, now: number): void {
    const end = this.askedAt + grant.ends / 1000;
    if (now > this.#end) this.level = Math.min(0, this.level);
    this.level += grant.tokens;
    this.cap = this.rule.limit;
    this.#periodEnd = end;
    this.#end = this.level > 0 ? end : Number.NEGATIVE_INFINITY;
  }

  /** The tokens in hand go on; of a quota that the gateway knows nothing about, it takes its share for one period. */
  protected goOn(now: number): void {
    if (this.holds || now <= this.#periodEnd) return;
    const lengthMs = { hour: 3_600_000, day: 86_400_000, week: 604_800_000, month: 2_592_000_000 }[this.rule.period];
    this.level += Math.max(micro, Math.floor(this.rule.limit * this.keeper.guessedShare));
    this.#end = this.#periodEnd = now + lengthMs;
  }

  protected worthAsking(now: number, amount: number): boolean {
    return (
      this.left >= amount - this.level ||
      this.askedAt === Number.NEGATIVE_INFINITY ||
      now > this.#periodEnd ||
      now - this.askedAt >= pauseMs
    );
  }

  protected get worthWaiting(): boolean {
    return true;
  }
}
