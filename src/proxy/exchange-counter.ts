import type { ExchangeCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** Counts an exchange when it ends. */
export interface EndCounter {
  /** @param status that the client got; 0: none @param durationMs since the request's head @param now milliseconds since the start of the process */
  ended(status: number, durationMs: number, now: number): void;
}

/** Counts exchanges of one kind as they end. Plain numbers, read by exporters when they are scraped. */
export class ExchangeCounter implements EndCounter {
  readonly statuses = [0, 0, 0, 0, 0, 0];
  readonly durations = new LatencyHistogram();
  readonly own: Record<string, number> = {};
  readonly rejections: Record<string, number> = {};
  /** Refusals of policies with a 5xx status. */
  rejectedErrors = 0;
  aborted = 0;
  requestOctets = 0;
  responseOctets = 0;

  /** Counts an exchange that has ended. @param status that the client got; 0: none @param durationMs since its request head */
  ended(status: number, durationMs: number, _now?: number): void {
    const digit = (status / 100) | 0;
    this.statuses[digit] = (this.statuses[digit] ?? 0) + 1;
    this.durations.observe(durationMs);
  }

  /** Counts an answer that Sluice makes itself. @param code of the failure table, never a client's text */
  answeredHere(code: string): void {
    this.own[code] = (this.own[code] ?? 0) + 1;
  }

  /** Counts a request that a policy refuses. */
  rejectedBy(policy: string, status: number): void {
    if (status >= 500) this.rejectedErrors++;
    this.rejections[policy] = (this.rejections[policy] ?? 0) + 1;
  }

  get counts(): ExchangeCounts {
    const { statuses, aborted, requestOctets, responseOctets, durations, own, rejections } = this;
    return {
      statuses: [...statuses],
      aborted,
      requestOctets,
      responseOctets,
      durations: durations.plain,
      own: { ...own },
      rejections: { ...rejections },
    };
  }
}
