const batches = 15;
const batchMs = 20;

/** Nanoseconds that one call takes: the median of several batches, after a batch to warm up. */
export function nanoseconds(operation: () => void): number {
  const timed = (count: number): number => {
    const begin = process.hrtime.bigint();
    for (let index = 0; index < count; index++) operation();
    return Number(process.hrtime.bigint() - begin) / count;
  };
  let count = 1000;
  while (timed(count) * count < batchMs * 1e6) count *= 2;
  const times = Array.from({ length: batches }, () => timed(count)).sort((one, other) => one - other);
  return times[batches >> 1] as number;
}
