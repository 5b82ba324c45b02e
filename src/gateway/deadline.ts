import type { Clock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';

/** `work`, or a `SluiceError` (`unavailable`) if it takes longer than `delayMs`; what comes of it then is dropped. */
export function deadline<Value>(work: Promise<Value>, delayMs: number, clock: Clock): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => reject(new SluiceError('unavailable', `the registry has not answered for ${delayMs} ms`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
