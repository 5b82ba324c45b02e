/**
 * One participant's turns in a smooth rotation: `rate` turns per unit of virtual time, evenly spaced. The participant that is due first is
 * next. Over one unit of time each gets exactly its rate, as in nginx's smooth weighted round-robin, but a turn changes no other
 * participant.
 */
export class Turns {
  readonly #rate: number;
  readonly #phase: number;
  /** Number of turns taken: an integer, so that rounding errors do not add up. */
  #taken = 0;
  /** Virtual time of the next turn. */
  due: number;

  /** @param phase in [0, 1): position of the first turn within its interval */
  constructor(rate: number, phase: number) {
    this.#rate = rate;
    this.#phase = phase;
    this.due = phase / rate;
  }

  /** Uses up `turns`. Turns missed before `now` are lost, so that a participant that was unavailable does not return with a burst. */
  take(turns: number, now: number): void {
    if (this.due < now) this.#taken = Math.ceil(now * this.#rate - this.#phase);
    this.#taken += turns;
    this.due = (this.#taken + this.#phase) / this.#rate;
  }
}

/**
 * Groups the candidates that can be picked (weight above 0) by weight. Few different weights are in use at a time, even with many servers.
 */
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
