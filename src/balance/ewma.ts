import { systemClock } from '../model/clock.ts';
import type { Candidate, PickerFactory } from './contract.ts';
import { TwoChoices } from './two-choices.ts';

/** Cost of a server that has exchanges in flight and has never responded: any server with a known latency is better. */
const unproven = 1e12;

/** Draws two servers at random and picks the one with the lower expected wait: recent latency × exchanges in flight ÷ weight. */
export const ewma: PickerFactory = (candidates, random, now = systemClock.now) =>
  new TwoChoices(candidates, random, (candidate) => expectedWait(candidate, now()));

function expectedWait(candidate: Candidate, now: number): number {
  const latency = candidate.latency?.at(now) ?? 0;
  if (latency === 0 && candidate.active > 0) return unproven + candidate.active;
  return (latency * (candidate.active + 1)) / candidate.weight;
}
