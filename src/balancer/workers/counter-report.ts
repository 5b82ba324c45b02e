import { countsSince, noCounts } from '../../model/sums.ts';
import type { Measure } from './measure.ts';

/** What has changed from one report to the next. */
export class CounterReport<Counts extends object, Levels extends object> {
  #last = new Map<string, Measure<Counts, Levels>>();

  /** One measure, with what is new, for each that differs from the last call; of what is gone nothing is kept. */
  changes(measures: readonly Measure<Counts, Levels>[]): Measure<Counts, Levels>[] {
    const last = this.#last;
    this.#last = new Map(measures.map((measure) => [measure.key, measure]));
    return measures.flatMap((measure) => {
      const before = last.get(measure.key);
      if (before && untouched(before.counts, measure.counts) && untouched(before.levels, measure.levels)) return [];
      // Less than before: it left and came back meanwhile, and counts from zero again.
      const since = before && countsSince(before.counts, measure.counts);
      if (before && since && noCounts(since) && untouched(before.levels, measure.levels)) return [];
      return [{ ...measure, counts: since ?? measure.counts }];
    });
  }
}

/** Whether it is field by field what it was: who counts makes new lists and records only when something has happened. */
function untouched<Fields extends object>(before: Fields, now: Fields): boolean {
  for (const name in now) if (now[name] !== before[name]) return false;
  return true;
}
