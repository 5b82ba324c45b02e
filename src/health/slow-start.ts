/** Share of its weight that a server starts with: enough to warm up, too little to overload it. */
const minShare = 0.1;

/** Number of steps in which a server reaches its full weight: few, so that servers that start at about the same time have few different weights. */
export const slowStartSteps = 20;

/** Share of its weight that a server gets `elapsedMs` after it became healthy. Rises to 1 over `durationMs` (0: at once), in even steps. */
export function slowStartShare(elapsedMs: number, durationMs: number): number {
  if (durationMs <= 0 || elapsedMs >= durationMs) return 1;
  return Math.max(minShare, Math.floor((elapsedMs * slowStartSteps) / durationMs) / slowStartSteps);
}
