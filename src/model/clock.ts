/** Time. It is injected, as is chance ({@link Random}), so that tests of logic neither wait nor depend on luck. */
export interface Clock {
  /** Monotonic milliseconds; the origin is arbitrary. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for values that people and other machines read. */
  date(): number;
  /**
   * Runs `task` once after `delayMs`; a pending timer never keeps the process alive. The task runs after pending socket reads, so that
   * a stalled process does not blame its peers for its own delay.
   */
  after(delayMs: number, task: () => void): Timer;
}

/** A pending task of a {@link Clock}. */
export interface Timer {
  cancel(): void;
}

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(delayMs, task) {
    let due: NodeJS.Immediate | undefined;
    const handle = setTimeout(() => {
      due = setImmediate(task);
    }, delayMs);
    handle.unref();
    return {
      cancel() {
        clearTimeout(handle);
        clearImmediate(due);
      },
    };
  },
};

/** Returns `periodMs` ± a random part of up to `ratio` (default 10 %), so that many peers do not act in step. */
export function jittered(periodMs: number, random: Random, ratio = 0.1): number {
  return periodMs * (1 - ratio + 2 * ratio * random());
}
