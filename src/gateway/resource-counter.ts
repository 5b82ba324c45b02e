import { ExchangeCounter } from '../proxy/exchange-counter.ts';
import { RequestRate } from './request-rate.ts';

/** Counts the exchanges of one resource, and how many of them there are per second. */
export class ResourceCounter extends ExchangeCounter {
  readonly rate = new RequestRate();

  override ended(status: number, durationMs: number, now = performance.now()): void {
    super.ended(status, durationMs);
    this.rate.count(now);
  }
}
