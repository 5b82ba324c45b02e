import { countsSince, noCounts } from '../../model/count-arithmetic.ts';
import type { KeyedCounts } from './worker-counts.ts';

/** Finds the changes between two successive reports of a worker's counts. */
export class CountChanges<Counts extends object, Gauges extends object> {
  #last = new Map<string, KeyedCounts<Counts, Gauges>>();

  /** Entries that differ from the last call, with the increase of their counts. Forgets entries that are absent from `counts`. */
  changes(counts: readonly KeyedCounts<Counts, Gauges>[]): KeyedCounts<Counts, Gauges>[] {
    const last = this.#last;
    this.#last = new Map(counts.map((entry) => [entry.key, entry]));
    return counts.flatMap((entry) => {
      const before = last.get(entry.key);
      if (before && isUnchanged(before.counts, entry.counts) && isUnchanged(before.gauges, entry.gauges)) return [];
      // Undefined if a count went down: the server left and came back in between, and was counted from zero again.
      const since = before && countsSince(before.counts, entry.counts);
      if (before && since && noCounts(since) && isUnchanged(before.gauges, entry.gauges)) return [];
      return [{ ...entry, counts: since ?? entry.counts }];
    });
  }
}

/** True if each field is identical, lists and records by reference: a shortcut for a server without exchanges, whose counts stay the same objects. */
function isUnchanged<Fields extends object>(before: Fields, now: Fields): boolean {
  for (const name in now) if (now[name] !== before[name]) return false;
  return true;
}
