/** Share of its weight that a server starts with: enough to warm up, too little to overload it. */
const minShare = 0.1;

/** Share of its weight that a server gets `elapsedMs` after it became healthy. Rises linearly to 1 over `durationMs` (0: at once). */
export function slowStartShare(elapsedMs: number, durationMs: number): number {
  if (durationMs <= 0 || elapsedMs >= durationMs) return 1;
  return Math.max(minShare, elapsedMs / durationMs);
}
