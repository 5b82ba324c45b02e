import { inTurns, type Pieces } from './pieces.ts';

/** Elements that are sorted, or merged, in one go. */
const atATime = 128;

/** Sorts a list by `compare` as `Array.prototype.sort` does, in pieces: thousands of elements take milliseconds. */
export function* sortPieces<One>(list: readonly One[], compare: (one: One, other: One) => number): Pieces<One[]> {
  let runs: One[][] = [];
  for (let at = 0; at < list.length; at += atATime) {
    runs.push(list.slice(at, at + atATime).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: One[][] = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(yield* merge(runs[at] as One[], runs[at + 1] ?? [], compare));
    runs = merged;
  }
  return runs[0] ?? [];
}

/** Sorts a list by `compare` in turns of the event loop; a short one at once. */
export async function sortInTurns<One>(list: readonly One[], compare: (one: One, other: One) => number): Promise<One[]> {
  return list.length <= atATime ? [...list].sort(compare) : inTurns(sortPieces(list, compare));
}

function* merge<One>(one: readonly One[], other: readonly One[], compare: (one: One, other: One) => number): Pieces<One[]> {
  const merged: One[] = [];
  let [a, b] = [0, 0];
  while (a < one.length || b < other.length) {
    const first = b >= other.length || (a < one.length && compare(one[a] as One, other[b] as One) <= 0);
    merged.push((first ? one[a++] : other[b++]) as One);
    if (merged.length % atATime === 0) yield;
  }
  return merged;
}
