import type { AttemptFailure } from '../http1/connection/response-sink.ts';
import type { FailureKind, RetryCounts, RetryReason } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';

/** Settings of retries, a part of an environment's specification. */
export type RetrySettings = EnvironmentSpec['retries'];

/**
 * Outcome of an attempt that may be followed by another. `answered`: with a status that is configured to be retried; `hung`: no answer
 * yet, but the server's health checks have failed meanwhile; `shortage`: this process or the server lacked descriptors, ports or memory.
 */
export type RetryableOutcome = FailureKind | 'answered' | 'hung' | 'shortage';

/** The facts that decide whether an attempt is followed by one at another server. */
export interface EndedAttempt {
  readonly outcome: RetryableOutcome;
  /** Servers tried so far, this one included. */
  readonly attempts: number;
  /** True if the request may be executed twice: its method is listed in `retries.methods`. */
  readonly repeatable: boolean;
  /** True if everything sent of the body so far is still in memory. */
  readonly replayable: boolean;
}

/**
 * Spends one retry and returns true, or returns false if the request must not be sent to another server. A request that never reached a
 * server can be sent to another if nothing of its body is gone, as it may be on a link that is lost. One that a server may have executed is sent again
 * only if it may be executed twice, and within the budget.
 */
export function spendRetry(attempt: EndedAttempt, settings: RetrySettings, budget: RetryBudget): boolean {
  if (attempt.attempts >= settings.attempts) return false;
  const { outcome } = attempt;
  switch (outcome) {
    case 'connect-failed':
    case 'connect-timeout':
      if (!attempt.replayable) return false;
      budget.retries[outcome]++;
      return true;
    case 'shortage':
      if (!attempt.repeatable || !attempt.replayable) return false;
      budget.retries.shortage++;
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

/** The facts that decide whether a request is sent once more to the same server. */
export interface EarlyEnd {
  /** Failure of a kept-alive connection before any octet of an answer; `connect-failed`: before the request had left, as on a link that is lost. */
  readonly early: AttemptFailure | undefined;
  /** True if it was sent once more already. */
  readonly resent: boolean;
  readonly repeatable: boolean;
  readonly replayable: boolean;
}

/**
 * True if a request may be sent once more to the same server over a new connection: a kept-alive one was closed too early, as happens when the
 * server's idle timeout ends just then (RFC 9112 section 9.3.1). This says nothing about the server, so it counts neither as its failure nor as a retry.
 */
export function mayResend({ early, resent, repeatable, replayable }: EarlyEnd): boolean {
  return (early === 'connect-failed' || (early === 'reset' && repeatable)) && !resent && replayable;
}

/**
 * Limits retries of requests that may have reached a server to a share of all requests, so that an outage is not
 * answered by more load. Every request earns `budgetPercent` of a retry. The budget starts at `budgetMin` retries, and saves up at most `budgetMin` + `budgetPercent`.
 */
export class RetryBudget {
  /** In hundredths of a retry. */
  #saved = 0;
  #started = false;
  /** Retries made, by reason. */
  readonly retries: Record<RetryReason, number> = { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, status: 0, hung: 0, shortage: 0 };
  /** Retries not made because too little was saved. */
  exhausted = 0;
  /** Requests sent once more to the same server: see {@link mayResend}. */
  resends = 0;

  get counts(): RetryCounts {
    const { retries, exhausted, resends } = this;
    return { retries: { ...retries }, exhausted, resends };
  }

  /** Called as each request begins. */
  earn(settings: RetrySettings): void {
    if (!this.#started) {
      this.#started = true;
      this.#saved = 100 * settings.budgetMin;
    }
    const most = 100 * (settings.budgetMin + settings.budgetPercent);
    this.#saved = Math.min(most, this.#saved + settings.budgetPercent);
  }

  /** Takes one retry out of the budget; false, and counted as `exhausted`, if too little is saved. */
  take(settings: RetrySettings): boolean {
    if (settings.budgetPercent === 0 && settings.budgetMin === 0) return false;
    if (this.#saved < 100) {
      this.exhausted++;
      return false;
    }
    this.#saved -= 100;
    return true;
  }
}
