import type { Candidate, PickerFactory } from './contract.ts';
import { TwoChoices } from './two-choices.ts';

/** Of two servers drawn at random, the one with fewer exchanges in flight for its weight. */
export const randomTwo: PickerFactory = (candidates, random) => new TwoChoices(candidates, random, load);

function load(candidate: Candidate): number {
  return candidate.active / candidate.weight;
}
