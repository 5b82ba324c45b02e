import { addCounts } from '../../model/count-arithmetic.ts';
import type { KeyedCounts } from './worker-counts.ts';

/**
 * Sums of the counts of all workers, living and dead. Workers report increases, so that a sum never goes down: the counts of a worker
 * stay when it dies, except for the last fraction of a second that it had not reported; its gauges are dropped.
 */
export class SummedCounts<Counts extends object, Gauges extends Readonly<Record<keyof Gauges, number>>> {
  readonly #counts = new Map<string, Counts>();
  /** Gauges of living workers, by number of the worker. */
  readonly #gauges = new Map<number, Map<string, Gauges>>();
  readonly #noCounts: Counts;
  readonly #noGauges: Gauges;

  constructor(noCounts: Counts, noGauges: Gauges) {
    this.#noCounts = noCounts;
    this.#noGauges = noGauges;
  }

  /** Starts counting `key`; reports for keys that are not followed are ignored. */
  follow(key: string): void {
    if (!this.#counts.has(key)) this.#counts.set(key, this.#noCounts);
  }

  drop(key: string): void {
    this.#counts.delete(key);
    for (const gauges of this.#gauges.values()) gauges.delete(key);
  }

  add(worker: number, changes: readonly KeyedCounts<Counts, Gauges>[]): void {
    const present = this.#gauges.get(worker) ?? new Map<string, Gauges>();
    this.#gauges.set(worker, present);
    for (const { key, counts, gauges } of changes) {
      const before = this.#counts.get(key);
      if (before === undefined) continue;
      this.#counts.set(key, addCounts(before, counts));
      present.set(key, gauges);
    }
  }

  /** Drops the gauges of a worker that has ended. */
  forget(worker: number): void {
    this.#gauges.delete(worker);
  }

  /** All keys that are followed. */
  get keys(): string[] {
    return [...this.#counts.keys()];
  }

  /** Sum of all workers' counts and gauges for a key. */
  of(key: string): Counts & Gauges {
    let gauges = this.#noGauges;
    for (const present of this.#gauges.values()) gauges = addCounts(gauges, present.get(key) ?? this.#noGauges);
    return { ...(this.#counts.get(key) ?? this.#noCounts), ...gauges };
  }

  /** Sum of one worker's gauges over all keys. */
  gaugesIn(worker: number): Gauges {
    return [...(this.#gauges.get(worker)?.values() ?? [])].reduce((sum, gauges) => addCounts(sum, gauges), this.#noGauges);
  }
}
