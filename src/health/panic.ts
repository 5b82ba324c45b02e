/**
 * Whether so few of the servers are well that the judgement itself is doubted and all of them get traffic:
 * the few that are left would only be overrun. `threshold` in percent; 0: never.
 */
export function panics(healthy: number, total: number, threshold: number): boolean {
  return total > 0 && healthy * 100 < total * threshold;
}
