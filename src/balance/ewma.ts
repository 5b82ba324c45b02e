import { systemClock } from '../model/clock.ts';
import type { Candidate, PickerFactory } from './contract.ts';
import { TwoChoices } from './two-choices.ts';

/** Cost of a server that was given something and has not answered yet: whatever is known is better. */
const unproven = 1e12;

/** Of two servers drawn at random, the one with the lower expected wait: recent latency × exchanges in flight, for its weight. */
export const ewma: PickerFactory = (candidates, random, now = systemClock.now) =>
  new TwoChoices(candidates, random, (candidate) => expectedWait(candidate, now()));

function expectedWait(candidate: Candidate, now: number): number {
  const latency = candidate.latency?.at(now) ?? 0;
  if (latency === 0 && candidate.active > 0) return unproven + candidate.active;
  return (latency * (candidate.active + 1)) / candidate.weight;
}
