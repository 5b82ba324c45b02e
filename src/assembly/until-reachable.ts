import type { Logger } from 'pino';
import { SluiceError } from '../model/fault.ts';

/** Milliseconds between two attempts while the registry is unreachable. */
const retryMs = 1000;

/** Hooks of a wait for the registry. */
export interface Waiting {
  /** Called when the first attempt has failed. */
  readonly onWait?: (() => void) | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** Repeats a task until the registry can be reached. Each reason is logged once, not at each attempt. Rejects as the task does for any other error. */
export async function untilReachable<T>(logger: Logger, task: () => Promise<T>, { onWait, signal }: Waiting = {}): Promise<T> {
  let logged: string | undefined;
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'unavailable' || signal?.aborted) throw error;
      if (error.message !== logged) logger.warn({ reason: error.message }, 'waiting for the registry');
      logged = error.message;
      onWait?.();
      await new Promise<void>((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
