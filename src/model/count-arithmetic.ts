/** Sums and differences of records of counters: numbers, lists of numbers, and records of those. What is missing is zero. */
type Counter = number | readonly number[] | { readonly [name: string]: Counter };

/** Both together. */
export function addCounts<Counts extends object>(one: Counts, other: Counts): Counts {
  return combined(one as Counter, other as Counter, (a, b) => a + b) as Counts;
}

/** What came since `before`; `undefined` if anything is less than it was, so that counting must have begun anew. */
export function countsSince<Counts extends object>(before: Counts, now: Counts): Counts | undefined {
  let less = false;
  const difference = combined(now as Counter, before as Counter, (a, b) => {
    less ||= a < b;
    return a - b;
  });
  return less ? undefined : (difference as Counts);
}

/** Whether nothing was counted. */
export function noCounts(counts: object): boolean {
  return Object.values(counts).every((counter: Counter) => (typeof counter === 'number' ? counter === 0 : noCounts(counter)));
}

function combined(one: Counter | undefined, other: Counter | undefined, by: (one: number, other: number) => number): Counter {
  if (Array.isArray(one)) return one.map((count, index) => by(count, (other as readonly number[] | undefined)?.[index] ?? 0));
  if (typeof one === 'object' || typeof other === 'object') {
    const [ones, others] = [(one ?? {}) as Record<string, Counter>, (other ?? {}) as Record<string, Counter>];
    const names = [...Object.keys(ones), ...Object.keys(others).filter((name) => !(name in ones))];
    return Object.fromEntries(names.map((name) => [name, combined(ones[name], others[name], by)]));
  }
  return by(one ?? 0, other ?? 0);
}
