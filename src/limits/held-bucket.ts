import { leastDivided, rateOf } from './bucket-shares.ts';
import { type Asked, HeldLimit, type HeldLimitParts } from './held-limit.ts';
import { type BucketRule, type LimitGrant, micro } from './limit-store.ts';

/** Tokens asked for since the last call, after which a gateway that runs short may call again. */
const tokensBetweenCalls = 150 * micro;
/** Milliseconds between two calls of a gateway that runs short while the store has nothing: at least, at first and at most. */
const leastPauseMs = 250;
const firstPauseMs = 50;
const longestPauseMs = 16_000;
/** Share of the burst that must be free for a call to be worth it while the gateways together ask for too much. */
const worthTaking = 0.02;
/** The same for a home, which leaves others a little. */
const worthTakingHome = 0.08;
/** Share of the rate from which on no other gateway can have much to give back. */
const wholeRate = 0.95;
/** Milliseconds without a request after which a busy part is given back, at least; otherwise the time of ten requests. */
const idleMs = 100;
/** The same for a home: other gateways have no requests to use it for. */
const idleHomeMs = 2000;
/** Milliseconds after an answer in which the parts that it knew of may still be in use; less than the store remembers them. */
const recentMs = 8000;
/** Milliseconds that the measured demand remembers. */
const memoryMs = 2000;

/**
 * Demand, as a multiple of the limit, from which and up to which shares of the limit are worth less than one gateway that has all of it: so that a key
 * gets a home, and so that it keeps its home.
 */
const homeFrom = 0.35;
const homeTo = 4;
const homeStaysFrom = 0.15;
const homeStaysTo = 5;
/** Milliseconds that the load remembers for this: bursts need not make a difference. */
const loadMemoryMs = 10_000;
/** Milliseconds for which a balancer brings requests to a home that it was told. */
const toldMs = 10_000;
/** Requests a second of a limit up to which its keys get homes. Shares of a higher limit are worth enough, and its requests too many for one gateway. */
const mostAtHome = 1000;

/** A key of a token bucket: the gateway's part gains tokens at its own rate. */
export class HeldBucket extends HeldLimit<BucketRule> {
  readonly #ruleRate: number;
  #rate = 0;
  #at: number;
  /** End of the part; -Infinity: there is none. */
  #end = Number.NEGATIVE_INFINITY;
  #termMs = 0;
  #scarce = false;
  /** Without a part: time before which the store cannot be full without the tokens that it gave. */
  #spareUntil = Number.NEGATIVE_INFINITY;
  #demand = 0;
  #pauseMs = firstPauseMs;
  #askedRate = 0;
  #home = '';
  /** Time at which a balancer was last told the home. */
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Tokens of an average request. */
  #amount = micro;
  /** Demand of all gateways as a multiple of the limit, over a longer time. */
  #load = 0;
  #adoptedAt = Number.NEGATIVE_INFINITY;
  /** Time of the last answer by the store's clock. */
  #grantedAt = 0;
  /** Tokens a second that may go on without a part, while the store does not answer: those of the last part, or what the store has told. */
  #lastShare = 0;

  constructor(parts: HeldLimitParts<BucketRule>) {
    super(parts);
    this.#ruleRate = rateOf(parts.rule);
    this.#at = this.usedAt;
  }

  get holds(): boolean {
    return this.#end !== Number.NEGATIVE_INFINITY;
  }

  get remaining(): number {
    const { burst } = this.rule;
    return Math.max(0, this.cap > 0 ? (this.level / this.cap) * burst : Math.min(burst, this.left + this.#gained() + this.level));
  }

  get resetMs(): number {
    return ((this.rule.burst - this.remaining) / this.#ruleRate) * 1000;
  }

  waitMs(amount: number): number {
    const missing = Math.max(0, amount - Math.max(0, this.level));
    return (missing / (this.#rate > 0 ? this.#rate : this.#ruleRate)) * 1000;
  }

  override get home(): string {
    return this.#home;
  }

  override homeTold(): void {
    this.#toldAt = this.usedAt;
  }

  get worthReturning(): boolean {
    return this.holds && (this.#scarce || this.level > this.#ruleRate);
  }

  endsSoon(now: number): boolean {
    return this.holds && this.#end - now <= 0.3 * this.#termMs;
  }

  check(now: number): void {
    if (this.asking || !this.holds) return;
    if (this.#end - now <= Math.max(150, this.#termMs * 0.1)) {
      if (this.usedAt > this.askedAt || this.worthReturning) this.keeper.due(this, false);
      else {
        // Others may get it once it has ended.
        this.#lastShare = 0;
        this.advance(now);
      }
    } else if (this.#isUnused(now)) this.keeper.due(this, true);
  }

  protected override taken(amount: number): void {
    this.#amount = amount;
  }

  protected advance(now: number): void {
    if (now > this.#end && this.keeper.reachable) {
      if (this.asking) return;
      if (this.holds) this.#drop();
      else if (now > this.#spareUntil) this.level = Math.min(0, this.level);
    } else if (this.#rate > 0 && now > this.#at) {
      this.level = Math.max(this.level, Math.min(this.level + (this.#rate * (now - this.#at)) / 1000, this.cap));
    }
    this.#at = now;
  }

  protected regain(amount: number, now: number): void {
    if (this.holds) this.level = Math.min(this.level + amount, this.cap);
    else if (now <= this.#spareUntil) this.level += amount;
  }

  protected give(now: number, leaving: boolean, waiting: boolean): Asked {
    const ended = now >= this.#end;
    const leaves = leaving || (!waiting && (this.counted === 0 || this.#isUnused(now)));
    this.#demand = this.#demandAfter(now - this.askedAt);
    const tokens = Math.floor(Math.max(0, this.level));
    const doubt = !leaves && this.keeper.doubts(this.#adoptedAt);
    // While the store may not know the part, all of it stays here.
    const keep = leaves ? 0 : ended || doubt ? tokens : Math.min(tokens, Math.floor(this.#demand / 20) + micro);
    const back = ended ? 0 : tokens - keep;
    if (this.holds) this.level = Math.min(this.level, 0) + keep;
    this.#askedRate = this.#rate;
    this.#rate = 0;
    const asked = { back, keep, demand: this.#demand, exact: this.exact || leaves, doubt, at: this.#isRecent(now) ? this.#grantedAt : 0 };
    if (leaves || !this.holds) return asked;
    return { ...asked, home: this.#isHome, rate: Math.floor(this.#askedRate), cap: Math.floor(this.cap) };
  }

  protected adopt(grant: LimitGrant, now: number): void {
    // Between call and answer both the old part and the new one were the gateway's: the smaller rate of the two has gone on.
    this.#grantedAt = grant.at;
    this.#lastShare = grant.rate > 0 ? grant.rate : grant.spare;
    const sinceMs = Math.min(loadMemoryMs, now - this.#adoptedAt);
    this.#adoptedAt = now;
    const went = now <= this.#end ? (Math.min(this.#askedRate, grant.rate) * (now - this.askedAt)) / 1000 : 0;
    const grew = grant.rate > this.#askedRate * 1.2;
    this.#pauseMs = grew || !grant.scarce ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#at = now;
    this.#scarce = grant.scarce;
    this.#rate = grant.rate;
    this.cap = grant.cap;
    this.#termMs = grant.term / 1000;
    this.#end = grant.term === 0 ? Number.NEGATIVE_INFINITY : this.askedAt + this.#termMs;
    this.level = grant.term === 0 ? this.level + grant.tokens : Math.min(this.level + went + grant.tokens, grant.cap);
    this.#spareUntil = this.#timeOf(this.rule.burst - grant.tokens, grant);
    this.#home = this.#needsHome(grant.wanted / this.#ruleRate, sinceMs) ? grant.home : '';
  }

  protected goOn(now: number): void {
    this.#rate = this.#askedRate;
    this.#at = now;
    if (this.holds) return;
    const isKnown = !this.exact && this.#isRecent(now);
    if (isKnown && this.#lastShare === 0) return;
    const rate = isKnown ? this.#lastShare : this.#ruleRate * this.keeper.guessedShare;
    this.#rate = this.#askedRate = rate;
    this.cap = Math.max(micro, (this.rule.burst * rate) / this.#ruleRate);
    if (!isKnown) this.level += this.cap;
    this.#end = now;
  }

  /** The last answer tells which part others have: the bucket cannot have been full since. */
  #isRecent(now: number): boolean {
    return now - this.#adoptedAt < (this.rule.burst / this.#ruleRate) * 1000 + recentMs;
  }

  protected worthAsking(now: number, amount: number): boolean {
    if (!this.holds) return this.left + this.#gained() >= amount - this.level;
    if (this.left >= amount + (this.#scarce ? this.rule.burst * (this.#isHome ? worthTakingHome : worthTaking) : 0)) return true;
    if (this.isWhole) return false;
    const elapsed = now - this.askedAt;
    return elapsed >= this.#pauseMs || (this.counted >= tokensBetweenCalls && elapsed >= leastPauseMs);
  }

  protected override get isWhole(): boolean {
    return this.#rate >= wholeRate * this.#ruleRate;
  }

  protected get worthWaiting(): boolean {
    return !this.holds || !this.#scarce || this.left >= micro;
  }

  /** A part of which requests suddenly use nothing, although others could: most often they go to another gateway now. */
  #isUnused(now: number): boolean {
    const demand = Math.max(this.#demand, this.#demandAfter(now - this.askedAt));
    return demand > 0 && now - this.usedAt > Math.max(this.#isHome ? idleHomeMs : idleMs, (10_000 * micro) / demand);
  }

  /** Tokens a second: of the time since the last call if that says enough, else weighed with what was before. 0: not known yet. */
  #demandAfter(elapsedMs: number): number {
    if (elapsedMs === Number.POSITIVE_INFINITY) return 0;
    if (elapsedMs >= 2 * memoryMs || this.counted >= 50 * micro) return Math.floor((this.counted * 1000) / Math.max(1, elapsedMs));
    return Math.floor(this.#demand * Math.exp(-elapsedMs / memoryMs) + (this.counted * 1000) / memoryMs);
  }

  /** Tokens that the store has gained since the last answer, if no gateway took any. */
  #gained(): number {
    return this.askedAt === Number.NEGATIVE_INFINITY ? this.rule.burst : (this.#ruleRate * (this.keeper.now() - this.askedAt)) / 1000;
  }

  /** Time at which the store will have so many tokens, if nothing takes any; -Infinity if it has them already, or gave a part. */
  #timeOf(tokens: number, { term, left }: LimitGrant): number {
    if (term > 0 || tokens <= left) return Number.NEGATIVE_INFINITY;
    return this.askedAt + ((tokens - left) / this.#ruleRate) * 1000;
  }

  /** @param load demand of all gateways, as a multiple of the limit */
  #needsHome(load: number, sinceMs: number): boolean {
    this.#load = this.#load === 0 ? load : load + (this.#load - load) * Math.exp(-sinceMs / loadMemoryMs);
    const [from, to] = this.#home === '' ? [homeFrom, homeTo] : [homeStaysFrom, homeStaysTo];
    return this.#load >= from && this.#load <= to && this.#ruleRate >= leastDivided && this.#ruleRate / this.#amount <= mostAtHome;
  }

  get #isHome(): boolean {
    return this.#home === this.keeper.gateway && this.usedAt - this.#toldAt < toldMs;
  }

  /** A debt stays: a request used more than was taken for it. */
  #drop(): void {
    this.level = Math.min(0, this.level);
    this.#rate = this.cap = 0;
    this.#end = Number.NEGATIVE_INFINITY;
  }
}
