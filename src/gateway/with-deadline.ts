import type { Clock } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';

/**
 * Settles as the registry call `work` does, or rejects with a `SluiceError` (`unavailable`) after `limitMs`; a later result is dropped.
 *
 * @param reason returns why the registry does not answer, if that is known by then
 */
export function withDeadline<Value>(
  work: Promise<Value>,
  limitMs: number,
  clock: Clock,
  reason: () => string | undefined = () => undefined,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new SluiceError('unavailable', reason() ?? `the registry did not answer within ${limitMs} ms`));
    const timer = clock.after(limitMs, fail);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
