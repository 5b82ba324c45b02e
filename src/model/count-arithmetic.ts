/** A count, a list of counts, or a record of them. A missing entry counts as zero. */
type Counter = number | readonly number[] | { readonly [name: string]: Counter };

/** Adds two records of counts. */
export function addCounts<Counts extends object>(one: Counts, other: Counts): Counts {
  return combine(one as Counter, other as Counter, (a, b) => a + b) as Counts;
}

/** Returns the counts since `before`; `undefined` if any count is less than before, which means that counting started again. */
export function countsSince<Counts extends object>(before: Counts, now: Counts): Counts | undefined {
  let less = false;
  const difference = combine(now as Counter, before as Counter, (a, b) => {
    less ||= a < b;
    return a - b;
  });
  return less ? undefined : (difference as Counts);
}

/** True if every count is zero. */
export function noCounts(counts: object): boolean {
  return Object.values(counts).every((counter: Counter) => (typeof counter === 'number' ? counter === 0 : noCounts(counter)));
}

function combine(one: Counter | undefined, other: Counter | undefined, by: (one: number, other: number) => number): Counter {
  if (Array.isArray(one)) return one.map((count, index) => by(count, (other as readonly number[] | undefined)?.[index] ?? 0));
  if (typeof one === 'object' || typeof other === 'object') {
    const [ones, others] = [(one ?? {}) as Record<string, Counter>, (other ?? {}) as Record<string, Counter>];
    const names = [...Object.keys(ones), ...Object.keys(others).filter((name) => !(name in ones))];
    return Object.fromEntries(names.map((name) => [name, combine(ones[name], others[name], by)]));
  }
  return by(one ?? 0, other ?? 0);
}
