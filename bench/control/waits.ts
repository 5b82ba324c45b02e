/** Milliseconds for which a process waited for a processor, somewhere between two times on the clock of the machine. */
export interface Wait {
  readonly from: number;
  readonly to: number;
  readonly ms: number;
}

/** Requests with the times at which they began, on the clock of the machine, and the milliseconds until they were answered. */
export interface Timed {
  readonly began: readonly number[];
  readonly times: readonly number[];
}

/**
 * The milliseconds of each request without those for which a process on its way certainly waited for a processor meanwhile: what may lie before or after the
 * request is not subtracted. Of several processes the one that waited longest counts, since they may have waited at the same time.
 * @param processes the waits of each process, in their order
 */
export function withoutWaits({ began, times }: Timed, processes: readonly (readonly Wait[])[]): number[] {
  return times.map((ms, index) => {
    const from = began[index] ?? 0;
    return ms - processes.reduce((most, waits) => Math.max(most, waitedWithin(waits, from, from + ms)), 0);
  });
}

/** Milliseconds of waits that cannot lie outside of a time. */
function waitedWithin(waits: readonly Wait[], from: number, to: number): number {
  let sum = 0;
  for (let at = firstAfter(waits, from); at < waits.length; at++) {
    const wait = waits[at] as Wait;
    if (wait.from >= to) break;
    const outside = Math.max(0, from - wait.from) + Math.max(0, wait.to - to);
    sum += Math.max(0, wait.ms - outside);
  }
  return sum;
}

/** Index of the first wait that ends after a time. */
function firstAfter(waits: readonly Wait[], from: number): number {
  let [low, high] = [0, waits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((waits[middle] as Wait).to <= from) low = middle + 1;
    else high = middle;
  }
  return low;
}
