import type { Clock } from '../../model/clock.ts';

/** The browser's own clock. */
export const browserClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(delayMs, task) {
    const handle = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
