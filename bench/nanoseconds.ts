const batches = 15;
const batchMs = 20;

/** Measures the CPU time of one call in nanoseconds; see {@link nanosecondsInTurn}. */
export function nanoseconds(operation: () => void): number {
  return nanosecondsInTurn([operation])[0] as number;
}

/**
 * Measures the CPU time of one call of each operation in nanoseconds: the median of several batches, after warming up. The batches take turns, so that a
 * disturbance of the machine affects all operations. CPU time does not include the time in which other processes run.
 */
export function nanosecondsInTurn(operations: readonly (() => void)[]): number[] {
  const measured = operations.map((operation) => {
    let count = 1000;
    while (timed(operation, count) * count < batchMs * 1e6) count *= 2;
    return { operation, count, times: [] as number[] };
  });
  for (let batch = 0; batch < batches; batch++) for (const { operation, count, times } of measured) times.push(timed(operation, count));
  return measured.map(({ times }) => times.sort((one, other) => one - other)[batches >> 1] as number);
}

function timed(operation: () => void, count: number): number {
  const begin = process.cpuUsage();
  for (let index = 0; index < count; index++) operation();
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1000) / count;
}
