import { inTurns, type Pieces } from '../../model/pieces.ts';

/** Names that are sorted in one piece. */
const atOnce = 500;

/** A set of names that is read in order: each reading costs what has changed since the last, and one pass over the names, in turns of the event loop. */
export class SortedNames {
  readonly #added = new Set<string>();
  readonly #removed = new Set<string>();
  #sorted: readonly string[] = [];
  #reading: Promise<readonly string[]> | undefined;

  add(name: string): void {
    if (!this.#removed.delete(name)) this.#added.add(name);
  }

  remove(name: string): void {
    if (!this.#added.delete(name)) this.#removed.add(name);
  }

  /** Resolves to all names, sorted. */
  async all(): Promise<readonly string[]> {
    while (this.#reading !== undefined) await this.#reading;
    if (this.#added.size + this.#removed.size === 0) return this.#sorted;
    const added = [...this.#added];
    const removed = new Set(this.#removed);
    this.#added.clear();
    this.#removed.clear();
    this.#reading = inTurns(changed(this.#sorted, added, removed));
    this.#sorted = await this.#reading;
    this.#reading = undefined;
    return this.#sorted;
  }
}

function* changed(names: readonly string[], added: readonly string[], removed: ReadonlySet<string>): Pieces<string[]> {
  return yield* merged(names, yield* sorted(added), removed);
}

/** Two sorted lists as one, without what is removed. */
function* merged(names: readonly string[], more: readonly string[], removed: ReadonlySet<string>): Pieces<string[]> {
  const all: string[] = [];
  let next = 0;
  for (const [index, name] of names.entries()) {
    if (index % atOnce === 0) yield;
    while (next < more.length && (more[next] as string) < name) all.push(more[next++] as string);
    if (!removed.has(name)) all.push(name);
  }
  for (; next < more.length; next++) {
    if (next % atOnce === 0) yield;
    all.push(more[next] as string);
  }
  return all;
}

function* sorted(names: readonly string[]): Pieces<readonly string[]> {
  yield;
  if (names.length <= atOnce) return [...names].sort();
  const half = names.length >> 1;
  return yield* merged(yield* sorted(names.slice(0, half)), yield* sorted(names.slice(half)), none);
}

const none: ReadonlySet<string> = new Set();
