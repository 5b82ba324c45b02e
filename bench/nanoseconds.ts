const batches = 15;
const batchMs = 20;

/**
 * Measures the CPU time of one call in nanoseconds: the median of several batches, after warming up. CPU time does not include the time in which
 * other processes run.
 */
export function nanoseconds(operation: () => void): number {
  const timed = (count: number): number => {
    const begin = process.cpuUsage();
    for (let index = 0; index < count; index++) operation();
    const { user, system } = process.cpuUsage(begin);
    return ((user + system) * 1000) / count;
  };
  let count = 1000;
  while (timed(count) * count < batchMs * 1e6) count *= 2;
  const times = Array.from({ length: batches }, () => timed(count)).sort((one, other) => one - other);
  return times[batches >> 1] as number;
}
