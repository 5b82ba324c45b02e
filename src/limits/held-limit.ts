import { type LimitAsk, type LimitGrant, type LimitRule, micro, noPart } from './limit-store.ts';

/** A request that waits for tokens. */
interface Waiter {
  readonly amount: number;
  readonly decide: (taken: boolean) => void;
}

/** The part of an ask that depends on the kind of limit. */
export type Asked = Pick<LimitAsk, 'back' | 'keep' | 'demand' | 'exact'> & Partial<LimitAsk>;

/** A held limit's view of the gateway server that holds it. */
export interface LimitKeeper {
  /** Id of the gateway. */
  readonly gateway: string;
  /** Monotonic milliseconds. */
  now(): number;
  /** False while the store does not answer: parts are then used on beyond their end. */
  readonly reachable: boolean;
  /** True if the store did not answer after `time`, or has only just begun to answer again. */
  doubts(time: number): boolean;
  /** The share that this gateway takes of a limit of which it has no part, while the store does not answer. */
  readonly guessedShare: number;
  /** Has the limit checked from now on, as long as it holds a part. */
  holding(limit: HeldLimit): void;
  /** Has the store asked about the limit with the next call; `urgent`: at once. */
  due(limit: HeldLimit, urgent: boolean): void;
}

/** Parts of a {@link HeldLimit}. */
export interface HeldLimitParts<Rule> {
  readonly key: string;
  readonly rule: Rule;
  /** Digest of the limit's settings. */
  readonly version: string;
  readonly exact: boolean;
  readonly keeper: LimitKeeper;
}

/**
 * One key of a limit on one gateway server: the part of it that the gateway holds. A request takes its tokens from the part without any waiting; it
 * waits for the store only while the gateway holds no part, or needs a larger one.
 */
export abstract class HeldLimit<Rule extends LimitRule = LimitRule> {
  readonly key: string;
  readonly rule: Rule;
  readonly #version: string;
  protected readonly keeper: LimitKeeper;
  /** The gateway takes no part in advance. */
  protected readonly exact: boolean;
  protected level = 0;
  /** Most tokens that the part may hold. */
  protected cap = 0;
  /** Tokens that nobody held, when the store last answered. */
  protected left = 0;
  /** Tokens that requests have asked for since the last call. */
  protected counted = 0;
  protected askedAt = Number.NEGATIVE_INFINITY;
  protected usedAt: number;
  #asking = false;
  #waiting: Waiter[] = [];

  constructor(parts: HeldLimitParts<Rule>) {
    this.key = parts.key;
    this.#version = parts.version;
    this.rule = parts.rule;
    this.exact = parts.exact;
    this.keeper = parts.keeper;
    this.usedAt = parts.keeper.now();
  }

  /** Takes tokens: true, or false if there are none. A promise only while the gateway needs the store for the decision. */
  take(amount: number): boolean | Promise<boolean> {
    const now = this.keeper.now();
    this.advance(now);
    this.counted += amount;
    this.usedAt = now;
    if (this.level >= amount && this.#waiting.length === 0) {
      this.level -= amount;
      this.taken(amount);
      return true;
    }
    return this.#short(amount, now);
  }

  /** Takes tokens that were used already, although there may be none: the next requests have to wait until they are regained. */
  charge(amount: number): void {
    this.advance(this.keeper.now());
    this.counted += amount;
    this.level -= amount;
    if (this.level < 0 && !this.#asking && !this.isWhole) this.keeper.due(this, true);
  }

  /** Puts back tokens that were taken for a request that did not use them. */
  putBack(amount: number): void {
    const now = this.keeper.now();
    this.advance(now);
    this.counted = Math.max(0, this.counted - amount);
    this.regain(amount, now);
  }

  /** The gateway holds a part: `check` has to be called now and then. */
  abstract get holds(): boolean;
  /** Tokens that a client may still use, as far as this gateway knows. */
  abstract get remaining(): number;
  /** Milliseconds until all tokens are there again. */
  abstract get resetMs(): number;
  /** Milliseconds until there may be `amount` tokens. */
  abstract waitMs(amount: number): number;
  /** Asks for the next part once the present one ends, and gives back what is not used. */
  abstract check(now: number): void;
  /** True if the part ends so soon that it may go with a call that is made now. */
  abstract endsSoon(now: number): boolean;
  /** The gateway that all requests of the key should go to; empty: it does not matter. */
  get home(): string {
    return '';
  }

  /** A balancer has been told the home: it brings the key's requests there. */
  homeTold(): void {}

  /** True if the gateway holds tokens that others may need. */
  abstract get worthReturning(): boolean;

  get asking(): boolean {
    return this.#asking;
  }

  /** Requests hold tokens that will come back: the limit must not be forgotten. */
  get inUse(): boolean {
    return this.#asking;
  }

  /** Requests wait for the answer. */
  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Begins a call: the tokens of the part are put into it, apart from what requests need until the answer. */
  ask(leaving: boolean): LimitAsk {
    const now = this.keeper.now();
    this.advance(now);
    const asked = this.give(now, leaving && !this.waiting, this.waiting);
    const { need, unit } = this.#need();
    this.askedAt = now;
    this.counted = 0;
    this.#asking = true;
    return { key: this.key, rule: this.rule, version: this.#version, need, unit, ...noPart, ...asked };
  }

  answer(grant: LimitGrant): void {
    const now = this.keeper.now();
    this.#asking = false;
    this.left = grant.left;
    this.adopt(grant, now);
    this.#serve();
    const [next] = this.#waiting;
    if (next === undefined) return;
    if (this.worthAsking(now, next.amount)) this.keeper.due(this, true);
    else this.#refuseWaiting();
  }

  /** The store did not answer: the gateway goes on with its last part. */
  failed(): void {
    this.#asking = false;
    this.goOn(this.keeper.now());
    this.#serve();
    this.#refuseWaiting();
  }

  /** No other gateway has anything of the limit, so that a call gains nothing. */
  protected get isWhole(): boolean {
    return false;
  }

  /** Called for each request that got its tokens. */
  protected taken(_amount: number): void {}
  /** Regains tokens, and drops a part that has ended. */
  protected abstract advance(now: number): void;
  /** Puts tokens back into the part; without one, they are kept as long as that is safe. */
  protected abstract regain(amount: number, now: number): void;
  /** Takes out of the part what a call returns. @param leaving the part is given back as a whole */
  protected abstract give(now: number, leaving: boolean, waiting: boolean): Asked;
  protected abstract adopt(grant: LimitGrant, now: number): void;
  /** Takes the last part, or the guessed share of a limit without one, while the store does not answer. */
  protected abstract goOn(now: number): void;
  /** The store may have so many tokens, which the part does not have. */
  protected abstract worthAsking(now: number, amount: number): boolean;
  /** A request is likely to get tokens with the next answer. */
  protected abstract get worthWaiting(): boolean;

  /** Tokens that the waiting requests lack, as long as they want the same; a debt can be paid in parts. */
  #need(): { need: number; unit: number } {
    const [first] = this.#waiting;
    const kept = Math.floor(this.level);
    if (first === undefined) return { need: Math.max(0, -kept), unit: kept < 0 ? 1 : micro };
    const missing = first.amount - kept;
    if (kept !== 0) return { need: Math.max(0, missing), unit: kept < 0 ? 1 : Math.max(1, missing) };
    const other = this.#waiting.findIndex(({ amount }) => amount !== first.amount);
    return { need: first.amount * (other === -1 ? this.#waiting.length : other), unit: first.amount };
  }

  #short(amount: number, now: number): boolean | Promise<boolean> {
    if (!this.#asking) {
      if (!this.keeper.reachable) {
        if (!this.holds) this.goOn(now);
        if (this.level < amount) return false;
        this.level -= amount;
        this.taken(amount);
        return true;
      }
      if (!this.worthAsking(now, amount)) return false;
      this.keeper.due(this, true);
    }
    if (!this.worthWaiting) return false;
    return new Promise((decide) => {
      this.#waiting.push({ amount, decide });
    });
  }

  #serve(): void {
    let served = 0;
    for (const { amount, decide } of this.#waiting) {
      if (this.level < amount) break;
      this.level -= amount;
      this.taken(amount);
      decide(true);
      served++;
    }
    if (served > 0) this.#waiting = this.#waiting.slice(served);
  }

  #refuseWaiting(): void {
    const refused = this.#waiting;
    this.#waiting = [];
    for (const { decide } of refused) decide(false);
  }
}
