import type { Outcome, RouteSettings } from './contract.ts';

/** What decides whether a failed attempt is tried again on another server. */
export interface FailedAttempt {
  readonly outcome: Outcome['kind'];
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** The connection had carried an exchange before, so the server may have closed it as we sent. */
  readonly reused: boolean;
  /** RFC 9110 section 9.2.2. */
  readonly idempotent: boolean;
  /** What was sent of the body is still at hand. */
  readonly replayable: boolean;
}

/**
 * The one retry decision. A request that never reached a server can always be sent to another. One whose reused
 * connection died before any octet of a response (RFC 9112 section 9.3.1) can if sending it twice does no harm.
 */
export function mayRetry(attempt: FailedAttempt, settings: RouteSettings['retries'], budget: RetryBudget): boolean {
  if (attempt.attempts >= settings.attempts) return false;
  switch (attempt.outcome) {
    case 'connect-failed':
    case 'connect-timeout':
      return true;
    case 'reset':
      return attempt.reused && attempt.idempotent && attempt.replayable && budget.take(settings);
    default:
      return false;
  }
}

/**
 * Keeps retries of requests that may have reached a server to a share of all requests, so that an outage is not
 * answered by more load. Every request earns `budgetPercent` of a retry; at least `budgetMin` are always saved up.
 */
export class RetryBudget {
  #saved = 0;
  #started = false;

  /** One more request begins. */
  earn(settings: RouteSettings['retries']): void {
    if (!this.#started) {
      this.#started = true;
      this.#saved = settings.budgetMin;
    }
    const most = settings.budgetMin + settings.budgetPercent;
    this.#saved = Math.min(most, this.#saved + settings.budgetPercent / 100);
  }

  /** Spends one retry, if there is one. */
  take(settings: RouteSettings['retries']): boolean {
    if (settings.budgetPercent === 0 && settings.budgetMin === 0) return false;
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }
}
