import type { Clock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';

/** Settles as the registry call `work` does, or rejects with a `SluiceError` (`unavailable`) after `limitMs`; a later result is dropped. */
export function withDeadline<Value>(work: Promise<Value>, limitMs: number, clock: Clock): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => reject(new SluiceError('unavailable', `the registry did not answer within ${limitMs} ms`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
