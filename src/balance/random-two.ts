import type { Candidate, PickerFactory } from './contract.ts';
import { TwoChoices } from './two-choices.ts';

/** Draws two servers at random and picks the one with fewer exchanges in flight relative to its weight. */
export const randomTwo: PickerFactory = (candidates, random) => new TwoChoices(candidates, random, load);

function load(candidate: Candidate): number {
  return candidate.active / candidate.weight;
}
