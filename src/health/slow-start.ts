/** The share that a server starts with: enough to warm up, little enough not to hurt. */
const leastShare = 0.1;

/** The part of its weight that a server gets, `elapsedMs` after it became well; rises evenly to 1 over `durationMs` (0: at once). */
export function slowStartShare(elapsedMs: number, durationMs: number): number {
  if (durationMs <= 0 || elapsedMs >= durationMs) return 1;
  return Math.max(leastShare, elapsedMs / durationMs);
}
