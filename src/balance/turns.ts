/**
 * A place in a smooth rotation: something with `rate` turns in a unit of virtual time, evenly spaced.
 * Whoever is due first goes next; over one unit of time each gets exactly its rate, as in nginx's smooth
 * weighted round-robin, but without touching the others at each turn.
 */
export class Turns {
  readonly #rate: number;
  readonly #phase: number;
  /** Whole turns taken: an integer, so that nothing drifts however long it runs. */
  #taken = 0;
  /** When the next turn is due. */
  due: number;

  /** @param phase in [0, 1): how far into its first interval the first turn is */
  constructor(rate: number, phase: number) {
    this.#rate = rate;
    this.#phase = phase;
    this.due = phase / rate;
  }

  /** Uses up `turns`. What was missed before `now` is lost, so that whoever was out of reach does not return with a burst. */
  take(turns: number, now: number): void {
    if (this.due < now) this.#taken = Math.ceil(now * this.#rate - this.#phase);
    this.#taken += turns;
    this.due = (this.#taken + this.#phase) / this.#rate;
  }
}

/** Candidates that may be picked at all, together by weight. Few weights are in use at a time, however many servers there are. */
export function byWeight<C extends { readonly weight: number }>(candidates: readonly C[]): Map<number, C[]> {
  const groups = new Map<number, C[]>();
  for (const candidate of candidates) {
    if (!(candidate.weight > 0)) continue;
    const group = groups.get(candidate.weight);
    if (group) group.push(candidate);
    else groups.set(candidate.weight, [candidate]);
  }
  return groups;
}
