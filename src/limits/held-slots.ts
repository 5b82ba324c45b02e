import { type Asked, HeldLimit } from './held-limit.ts';
import { type LimitGrant, micro, type SlotRule } from './limit-store.ts';

/** Milliseconds between two calls that keep slots in use, and without a request after which unused slots are given back. */
const renewMs = 3000;
const idleMs = 250;
/** Milliseconds between two calls while all slots are taken. */
const pauseMs = 50;

/** A key of a limit of requests at the same time: the gateway holds slots, those of its requests under way and some to spare. */
export class HeldSlots extends HeldLimit<SlotRule> {
  #inUse = 0;
  #full = false;

  get holds(): boolean {
    return this.#inUse > 0 || this.level > 0;
  }

  override get inUse(): boolean {
    return super.inUse || this.#inUse > 0;
  }

  get remaining(): number {
    return Math.max(0, this.left + this.level);
  }

  get resetMs(): number {
    return 0;
  }

  waitMs(): number {
    return 1000;
  }

  get worthReturning(): boolean {
    return this.level >= micro;
  }

  endsSoon(now: number): boolean {
    return now - this.askedAt > renewMs / 2;
  }

  check(now: number): void {
    if (this.asking) return;
    if (now - this.askedAt >= renewMs || (this.worthReturning && now - this.usedAt > idleMs && now - this.askedAt > idleMs))
      this.keeper.due(this, false);
  }

  protected override taken(amount: number): void {
    this.#inUse += amount;
  }

  protected advance(): void {}

  protected regain(amount: number): void {
    this.#inUse = Math.max(0, this.#inUse - amount);
    this.level += amount;
    this.keeper.holding(this);
  }

  protected give(now: number, leaving: boolean, waiting: boolean): Asked {
    // While requests come, some slots stay to spare; afterwards only those in use are kept.
    const idle = leaving || (!waiting && now - this.usedAt > idleMs);
    const spare = idle ? 0 : Math.min(this.level, Math.floor(this.#inUse / 4 / micro) * micro + micro);
    const back = this.level - spare;
    this.level = spare;
    return { back, keep: this.#inUse + spare, demand: 0, exact: this.exact || idle };
  }

  protected adopt(grant: LimitGrant): void {
    this.level += grant.tokens;
    this.cap = grant.cap;
    this.#full = grant.scarce;
  }

  /** Without the store: the slots in hand, at least the guessed share of the limit. */
  protected goOn(): void {
    const share = Math.max(micro, Math.floor((this.rule.limit * this.keeper.guessedShare) / micro) * micro);
    this.level = Math.max(this.level, share - this.#inUse);
  }

  protected worthAsking(now: number): boolean {
    return !this.#full || now - this.askedAt >= pauseMs;
  }

  protected get worthWaiting(): boolean {
    return true;
  }
}
