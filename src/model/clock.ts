/** Time and chance are injected, so that logic is tested without waiting and without luck. */
export interface Clock {
  /** Milliseconds that never go backwards; the origin is arbitrary. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for what people and other machines read. */
  date(): number;
  /**
   * Runs `task` once after `delayMs`; a pending timer never keeps the process alive. What has come from others by then is read before: a
   * process that was held up must not take its own delay for theirs.
   */
  after(delayMs: number, task: () => void): Timer;
}

/** A pending task of a {@link Clock}. */
export interface Timer {
  cancel(): void;
}

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** The machine's own clock. */
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

/** `periodMs` spread by ±`ratio` (default 10 %), so that many peers never act in step. */
export function jittered(periodMs: number, random: Random, ratio = 0.1): number {
  return periodMs * (1 - ratio + 2 * ratio * random());
}
