/**
 * Says whether so few servers are healthy that all of them get traffic: the checks themselves may be wrong, and the few healthy servers
 * would only be overloaded. `threshold` in percent; 0: never.
 */
export function panics(healthy: number, total: number, threshold: number): boolean {
  return total > 0 && healthy * 100 < total * threshold;
}
