import { type Candidate, eligible, type LoadWatcher, type Picker, type PickerFactory } from './contract.ts';
import { hashText, mix } from './hash-text.ts';

/** Points on the circle of the heaviest server; the share of a server strays by about 1 / √points. */
const pointsOfHeaviest = 160;
/** A server takes at most this many times its fair share of what is in flight; the rest goes to the next on the circle. */
const loadFactor = 1.25;
/** In flight at one server without being too much, whatever the others do: one client's parallel requests stay together. */
const alwaysFine = 8;

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016). The same key goes to the same server while
 * that one is there; when a server comes or goes only its own keys move: about 1/n of them.
 */
export const hash: PickerFactory = (candidates) => new HashCircle(candidates);

class HashCircle<C extends Candidate> implements Picker<C>, LoadWatcher {
  readonly #members: readonly C[];
  /** Places on the circle (32 bits), ascending, and whose they are. */
  readonly #places: Uint32Array;
  readonly #owners: Uint32Array;
  readonly #totalWeight: number;
  #inFlight = 0;

  constructor(candidates: readonly C[]) {
    const members = candidates.filter((candidate) => candidate.weight > 0);
    this.#members = members;
    this.#totalWeight = members.reduce((sum, member) => sum + member.weight, 0);
    [this.#places, this.#owners] = circle(members);
    for (const member of members) {
      this.#inFlight += member.active;
      member.watcher = this;
    }
  }

  pick(key: number, tried: readonly C[]): C | undefined {
    const size = this.#members.length;
    if (size === 0) return undefined;
    const start = this.#after(mix(key));
    const fairLoad = (loadFactor * (this.#inFlight + 1)) / this.#totalWeight;
    let at = start;
    for (let step = 0; step < size; step++) {
      const member = this.#members[this.#owners[at] as number] as C;
      if (isFine(member, fairLoad) && eligible(member, tried)) return member;
      if (++at === this.#owners.length) at = 0;
    }
    // Many are full or out, and the circle names few of the others in a row: look at each once, from the key's own server on.
    let fallback: C | undefined;
    let index = this.#owners[start] as number;
    for (let step = 0; step < size; step++) {
      const member = this.#members[index] as C;
      if (eligible(member, tried)) {
        if (isFine(member, fairLoad)) return member;
        fallback ??= member;
      }
      if (++index === size) index = 0;
    }
    return fallback;
  }

  loadChanged(_slot: number, active: number, before: number): void {
    this.#inFlight += active - before;
  }

  /** The first place at or after `place`, around the circle. */
  #after(place: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] as number) < place) low = middle + 1;
      else high = middle;
    }
    return low === this.#places.length ? 0 : low;
  }
}

function isFine({ active, weight }: Candidate, fairLoad: number): boolean {
  return active < Math.max(alwaysFine, fairLoad * weight);
}

function circle(members: readonly Candidate[]): [places: Uint32Array, owners: Uint32Array] {
  const heaviest = members.reduce((most, member) => Math.max(most, member.weight), 0);
  const order = members
    .map((_, index) => index)
    .sort((one, other) => ((members[one] as Candidate).id < (members[other] as Candidate).id ? -1 : 1));
  const rank = new Float64Array(members.length);
  order.forEach((index, position) => {
    rank[index] = position;
  });
  const counts = members.map((member) => Math.max(1, Math.round((pointsOfHeaviest * member.weight) / heaviest)));
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let filled = 0;
  members.forEach((member, index) => {
    const seed = hashText(member.id);
    // Place and owner in one number sort natively; the rank of the id settles two on one place the same way everywhere.
    for (let point = 0; point < (counts[index] as number); point++)
      points[filled++] = mix(seed + Math.imul(point, 0x9e3779b1)) * 0x100000 + (rank[index] as number);
  });
  const sorted = points.sort();
  return [
    Uint32Array.from(sorted, (point) => Math.floor(point / 0x100000)),
    Uint32Array.from(sorted, (point) => order[point % 0x100000] as number),
  ];
}
