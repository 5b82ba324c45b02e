import type { ExchangeCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** Counts exchanges of one kind as they end. Plain numbers, read by exporters when they are scraped. */
export class ExchangeCounter {
  readonly statuses = [0, 0, 0, 0, 0, 0];
  readonly durations = new LatencyHistogram();
  readonly own: Record<string, number> = {};
  readonly rejections: Record<string, number> = {};
  aborted = 0;
  requestOctets = 0;
  responseOctets = 0;

  /** Counts an exchange that has ended. @param status that the client got; 0: none @param durationMs since its request head */
  ended(status: number, durationMs: number): void {
    const digit = (status / 100) | 0;
    this.statuses[digit] = (this.statuses[digit] ?? 0) + 1;
    this.durations.observe(durationMs);
  }

  /** Counts an answer that Sluice makes itself. @param code of the failure table, never a client's text */
  answeredHere(code: string): void {
    this.own[code] = (this.own[code] ?? 0) + 1;
  }

  /** Counts a request that a policy answers. */
  rejectedBy(policy: string): void {
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
