import type { RetryCounts, RetryReason } from '../model/counts.ts';
import type { Outcome, RouteSettings } from './contract.ts';

/** What decides whether a failed attempt is tried again on another server. */
export interface FailedAttempt {
  /** How it failed; `answered`: with a status that is to be tried again; `hung`: not yet, but its checks did. */
  readonly outcome: Outcome['kind'] | 'hung';
  /** Servers tried so far, this one included. */
  readonly attempts: number;
  /** The method is one that may be carried out twice. */
  readonly repeatable: boolean;
  /** What was sent of the body is still at hand. */
  readonly replayable: boolean;
}

/**
 * Whether another server is tried. A request that never reached a server can always be sent to another; one that may have been carried
 * out only if doing it twice is allowed, and within the budget.
 */
export function mayRetry(attempt: FailedAttempt, settings: RouteSettings['retries'], budget: RetryBudget): boolean {
  if (attempt.attempts >= settings.attempts) return false;
  const { outcome } = attempt;
  switch (outcome) {
    case 'connect-failed':
    case 'connect-timeout':
      budget.retries[outcome]++;
      return true;
    case 'answered':
    case 'reset':
    case 'hung':
      if (!attempt.repeatable || !attempt.replayable || !budget.take(settings)) return false;
      budget.retries[outcome === 'answered' ? 'status' : outcome]++;
      return true;
    default:
      return false;
  }
}

/**
 * Whether a request is sent once more to the same server over a new connection: it went out on a kept one that was closed before any
 * octet of an answer, as happens when the server closes it just then (RFC 9112 section 9.3.1). Says nothing of the server, so that it
 * counts neither as a failure of it nor as a retry.
 */
export function mayResend(attempt: { stale: boolean; resent: boolean; repeatable: boolean; replayable: boolean }): boolean {
  return attempt.stale && !attempt.resent && attempt.repeatable && attempt.replayable;
}

/**
 * Keeps retries of requests that may have reached a server to a share of all requests, so that an outage is not
 * answered by more load. Every request earns `budgetPercent` of a retry; at least `budgetMin` are always saved up.
 */
export class RetryBudget {
  /** In hundredths of a retry. */
  #saved = 0;
  #started = false;
  /** Retries made, by what made them necessary. */
  readonly retries: Record<RetryReason, number> = { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, status: 0, hung: 0 };
  /** Retries not made because too little was saved. */
  exhausted = 0;
  /** See {@link mayResend}. */
  resends = 0;

  get counts(): RetryCounts {
    const { retries, exhausted, resends } = this;
    return { retries: { ...retries }, exhausted, resends };
  }

  /** One more request begins. */
  earn(settings: RouteSettings['retries']): void {
    if (!this.#started) {
      this.#started = true;
      this.#saved = 100 * settings.budgetMin;
    }
    const most = 100 * (settings.budgetMin + settings.budgetPercent);
    this.#saved = Math.min(most, this.#saved + settings.budgetPercent);
  }

  /** Spends one retry, if there is one. */
  take(settings: RouteSettings['retries']): boolean {
    if (settings.budgetPercent === 0 && settings.budgetMin === 0) return false;
    if (this.#saved < 100) {
      this.exhausted++;
      return false;
    }
    this.#saved -= 100;
    return true;
  }
}
