/** The facts that decide the place of an environment. */
export interface Standing {
  readonly name: string;
  /** Greater is worse; 0: all is well. */
  readonly trouble: number;
  /** Requests per second, averaged over several seconds. */
  readonly load: number;
}

/** Milliseconds for which an environment keeps its place among the troubled ones after its trouble has ended. */
const calmMs = 10_000;
/** An environment overtakes one with equal trouble if its load is this many times as high, plus one request per second. */
const clearly = 1.5;

/**
 * The order of environments on the page: trouble first, then load. Trouble counts at once, its end after a while, and load only if it differs
 * clearly, so that the page does not jump.
 */
export class EnvironmentOrder {
  #names: readonly string[] = [];
  /** The greatest trouble lately, by name, and when it was last seen. */
  #troubled = new Map<string, { trouble: number; at: number }>();

  /** Returns the order so far for these environments, with new ones last. */
  keep(standings: readonly Standing[]): readonly string[] {
    const known = new Set(this.#names);
    const present = new Set(standings.map(({ name }) => name));
    const added = standings.map(({ name }) => name).filter((name) => !known.has(name));
    this.#names = [...this.#names.filter((name) => present.has(name)), ...added];
    return this.#names;
  }

  /** Returns the new order; `now` is in milliseconds of any clock. */
  update(standings: readonly Standing[], now: number): readonly string[] {
    const byName = new Map(standings.map((one) => [one.name, { ...one, trouble: this.#lately(one, now) }]));
    for (const name of this.#troubled.keys()) if (!byName.has(name)) this.#troubled.delete(name);
    const sorted: Standing[] = [];
    for (const name of this.keep(standings)) {
      const one = byName.get(name) as Standing;
      let place = sorted.length;
      while (place > 0 && precedes(one, sorted[place - 1] as Standing)) place--;
      sorted.splice(place, 0, one);
    }
    this.#names = sorted.map(({ name }) => name);
    return this.#names;
  }

  #lately({ name, trouble }: Standing, now: number): number {
    const before = this.#troubled.get(name);
    if (before !== undefined && trouble < before.trouble && now - before.at < calmMs) return before.trouble;
    if (trouble === 0) this.#troubled.delete(name);
    else this.#troubled.set(name, { trouble, at: now });
    return trouble;
  }
}

function precedes(one: Standing, other: Standing): boolean {
  if (one.trouble !== other.trouble) return one.trouble > other.trouble;
  return one.load > other.load * clearly + 1;
}
