import type { HeldLimit } from '../limits/held-limit.ts';
import type { LimitSet } from '../limits/limit-set.ts';
import { type LimitRule, micro } from '../limits/limit-store.ts';
import type { Limits } from '../limits/limits.ts';
import type { Decision, PolicyAnswer, PolicyContext, PolicyServices } from './contract.ts';
import { partOf } from './limit-settings.ts';
import { refuse } from './refusal.ts';
import { HeldState } from './shared-states.ts';

/** A limit, and the refusal of a request that exceeds it. */
export interface GateSettings {
  /** Text that names the limit among all limits of an environment: state under the same text goes on when the limit is made again. */
  readonly place: string;
  /** Name of the limit in the fields RateLimit and RateLimit-Policy: lower-case letters, digits and hyphens, so that the fields need not be checked. */
  readonly name: string;
  readonly rule: LimitRule;
  /** The property of requests by which they are counted apart, as the setting `by` has it. */
  readonly by: string;
  /** The registry decides about each request; default false. */
  readonly exact?: boolean;
  /** Answers carry RateLimit and RateLimit-Policy; default true. */
  readonly fields?: boolean;
  readonly code: string;
  readonly title: string;
}

/**
 * Lets requests pass as long as a limit has tokens for them, one for each request and value. With several limits on one request, none of them counts a
 * request that another one refuses. Decides at once while this gateway holds tokens.
 */
export class LimitGate {
  readonly #limits: Limits;
  readonly #settings: GateSettings;
  readonly #fields: boolean;
  /** RateLimit-Policy, and the beginning of RateLimit (draft-ietf-httpapi-ratelimit-headers). */
  readonly #policyField: string;
  readonly #fieldName: string;
  readonly #set: HeldState<LimitSet>;
  readonly #part: (context: PolicyContext) => string | undefined;

  constructor({ limits, shared }: Pick<PolicyServices, 'limits' | 'shared'>, settings: GateSettings) {
    const { place, rule, exact = false } = settings;
    this.#limits = limits;
    // A revision with other settings has another set, which goes on where this one has left the state in the registry.
    this.#set = new HeldState(shared, `limit ${place} ${JSON.stringify({ rule, exact })}`, () => limits.open(place, { rule, exact }));
    this.#settings = settings;
    this.#part = partOf(settings.by);
    this.#fields = settings.fields ?? true;
    this.#fieldName = `"${settings.name}"`;
    this.#policyField = `${this.#fieldName}${quotaOf(settings.rule)}`;
  }

  /** The limit is served. */
  begin(): void {
    this.#set.begin();
  }

  end(): void {
    this.#set.end();
  }

  /** Decides about a request of `value`, such as the name of a consumer. */
  decide(context: PolicyContext, value: string, amount = micro): Decision | Promise<Decision> {
    const limit = this.#set.value.of(value);
    const taken = limit.take(amount);
    if (typeof taken === 'boolean') return this.#decided(context, limit, amount, taken);
    return taken.then((late) => this.#decided(context, limit, amount, late));
  }

  #decided(context: PolicyContext, limit: HeldLimit, amount: number, taken: boolean): Decision {
    const { home } = limit;
    if (home !== '' && context.tellHome(home, this.#part(context))) limit.homeTold();
    if (this.#fields) {
      context.addAnswerField('ratelimit-policy', this.#policyField, true);
      context.addAnswerField('ratelimit', this.#fieldName + remainingOf(limit), true);
    }
    if (!taken) {
      this.#limits.counts.refused++;
      for (let other = context.taken; other !== undefined; other = other.before) other.limit.putBack(other.amount);
      context.taken = undefined;
      return this.#refusal(context, limit, amount);
    }
    this.#limits.counts.allowed++;
    // Slots come back at the end of the exchange, however it ends.
    if (this.#settings.rule.kind === 'slots') context.onEnd(() => limit.putBack(amount));
    else context.taken = { limit, amount, before: context.taken };
    return undefined;
  }

  #refusal(context: PolicyContext, limit: HeldLimit, amount: number): PolicyAnswer {
    const { code, title } = this.#settings;
    const headers = { 'retry-after': `${Math.max(1, Math.ceil(limit.waitMs(amount) / 1000))}` };
    return refuse(context, { status: 429, code, title, headers });
  }
}

/** Parameters of RateLimit-Policy: the quota, its unit unless that is requests, and the window in seconds. */
function quotaOf(rule: LimitRule): string {
  const quota = `;q=${Math.floor(rule.limit / micro)}`;
  switch (rule.kind) {
    case 'bucket':
      return rule.window % 1_000_000 === 0 ? `${quota};w=${rule.window / 1_000_000}` : quota;
    case 'quota':
      // A month has no fixed length.
      return rule.period === 'month' ? quota : `${quota};w=${{ hour: 3600, day: 86_400, week: 604_800 }[rule.period]}`;
    case 'slots':
      return `${quota};qu="concurrent-requests"`;
  }
}

/** Parameters of RateLimit: requests that remain, as far as this gateway knows, and seconds until all of them do. */
function remainingOf(limit: HeldLimit): string {
  const remaining = `;r=${Math.floor(limit.remaining / micro)}`;
  return limit.rule.kind === 'slots' ? remaining : `${remaining};t=${Math.ceil(limit.resetMs / 1000)}`;
}
