import { countsSince, noCounts } from '../../model/count-arithmetic.ts';
import type { KeyedCounts } from './worker-counts.ts';

/** What has changed from one report to the next. */
export class CountChanges<Counts extends object, Gauges extends object> {
  #last = new Map<string, KeyedCounts<Counts, Gauges>>();

  /** One measure, with what is new, for each that differs from the last call; of what is gone nothing is kept. */
  changes(counts: readonly KeyedCounts<Counts, Gauges>[]): KeyedCounts<Counts, Gauges>[] {
    const last = this.#last;
    this.#last = new Map(counts.map((measure) => [measure.key, measure]));
    return counts.flatMap((measure) => {
      const before = last.get(measure.key);
      if (before && untouched(before.counts, measure.counts) && untouched(before.gauges, measure.gauges)) return [];
      // Less than before: it left and came back meanwhile, and counts from zero again.
      const since = before && countsSince(before.counts, measure.counts);
      if (before && since && noCounts(since) && untouched(before.gauges, measure.gauges)) return [];
      return [{ ...measure, counts: since ?? measure.counts }];
    });
  }
}

/** Whether it is field by field what it was: who counts makes new lists and records only when something has happened. */
function untouched<Fields extends object>(before: Fields, now: Fields): boolean {
  for (const name in now) if (now[name] !== before[name]) return false;
  return true;
}
