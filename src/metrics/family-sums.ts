import { addLatencies, type Latencies } from '../model/latency.ts';
import type { Pieces } from '../model/pieces.ts';
import type { Family, Labels } from './family.ts';

/** Gauges of which the least value holds for all: whether something works. */
const least: ReadonlySet<string> = new Set(['sluice_target_up', 'sluice_limit_shared']);

/** Most series in a part of a family. */
const mostSeries = 100;

/** A series of either kind. */
interface Series {
  readonly labels: Labels;
  readonly value?: number;
  readonly latencies?: Latencies;
}

interface Sum {
  readonly about: Pick<Family, 'name' | 'help' | 'type'>;
  readonly series: Map<string, Series>;
}

/** Sums of the families of several processes: values of the same series are added up. */
export class FamilySums {
  readonly #sums = new Map<string, Sum>();

  /** Adds a family, or a part of one. */
  add({ name, help, type, series }: Family): void {
    const sum = this.#sums.get(name) ?? { about: { name, help, type }, series: new Map() };
    this.#sums.set(name, sum);
    for (const one of series) {
      if (one === undefined) continue;
      const key = JSON.stringify(Object.entries(one.labels));
      const other = sum.series.get(key);
      sum.series.set(key, other === undefined ? one : added(other, one, least.has(name)));
    }
  }

  /** Adds all of another sum, in pieces; without gauges if they are those of a process that has ended. */
  *addAll(other: FamilySums, { ended = false } = {}): Pieces<void> {
    for (const part of partsOf(other.families())) {
      if (!ended || part.type !== 'gauge') this.add(part);
      yield;
    }
  }

  families(): Family[] {
    return [...this.#sums.values()].map(
      ({ about, series }) => ({ ...about, series: { [Symbol.iterator]: () => series.values() } }) as Family,
    );
  }
}

/** The families as plain data, as they are when each part is reached, with few series in each. */
export function* partsOf(families: readonly Family[]): Generator<Family> {
  for (const { name, help, type, series } of families) {
    let part: Series[] = [];
    for (const one of series as Iterable<Series | undefined>) {
      if (one === undefined) continue;
      const { labels, latencies } = one;
      part.push(latencies === undefined ? one : { labels, latencies: { counts: latencies.counts, sumMs: latencies.sumMs } });
      if (part.length < mostSeries) continue;
      yield { name, help, type, series: part } as Family;
      part = [];
    }
    if (part.length > 0) yield { name, help, type, series: part } as Family;
  }
}

/** Families with these labels before those that each series has. */
export function labelled(families: readonly Family[], labels: Labels): Family[] {
  return families.map((family) => ({ ...family, series: mapped(family.series, labels) }) as Family);
}

/** Families of several sources, none of which has a series of another one: each name once. */
export function joined(families: readonly Family[]): Family[] {
  const byName = new Map<string, Family[]>();
  for (const family of families) byName.set(family.name, [...(byName.get(family.name) ?? []), family]);
  return [...byName.values()].map((all) => ({ ...all[0], series: concatenated(all.map(({ series }) => series)) }) as Family);
}

function mapped(series: Family['series'], labels: Labels): Iterable<Series | undefined> {
  return {
    *[Symbol.iterator]() {
      for (const one of series as Iterable<Series | undefined>) yield one && { ...one, labels: { ...labels, ...one.labels } };
    },
  };
}

function concatenated(all: readonly Family['series'][]): Iterable<Series | undefined> {
  return {
    *[Symbol.iterator]() {
      for (const series of all) yield* series as Iterable<Series | undefined>;
    },
  };
}

function added(one: Series, other: Series, takesLeast: boolean): Series {
  const { labels, latencies } = one;
  if (latencies !== undefined && other.latencies !== undefined) return { labels, latencies: addLatencies(latencies, other.latencies) };
  const [value = 0, more = 0] = [one.value, other.value];
  return { labels, value: takesLeast ? Math.min(value, more) : value + more };
}
