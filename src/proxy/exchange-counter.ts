import type { ExchangeCounts } from '../model/counts.ts';
import { LatencyHistogram } from '../model/latency.ts';

/** Counts exchanges of one kind as they end. Plain numbers: exporters read them when asked. */
export class ExchangeCounter {
  readonly statuses = [0, 0, 0, 0, 0, 0];
  readonly durations = new LatencyHistogram();
  readonly own: Record<string, number> = {};
  readonly rejections: Record<string, number> = {};
  aborted = 0;
  requestOctets = 0;
  responseOctets = 0;

  /** An exchange has ended: its client got this status (0: none), so many milliseconds after its request. */
  ended(status: number, durationMs: number): void {
    const digit = (status / 100) | 0;
    this.statuses[digit] = (this.statuses[digit] ?? 0) + 1;
    this.durations.observe(durationMs);
  }

  /** Sluice answers by itself. `code`: of the table of failures, never a client's text. */
  answeredHere(code: string): void {
    this.own[code] = (this.own[code] ?? 0) + 1;
  }

  /** A policy answers. */
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
