import { processDeadlines } from '../../src/http1/connection/deadlines.ts';

/**
 * Moves the time of this process's connections on by `ms`, and resolves when the limits that this passes have had their effect. A test gives
 * the limit seconds, brings about the state in which the limit applies, and then passes that time at once: a busy machine cannot
 * reach such a limit too early, and a quiet one need not wait for it.
 */
export async function passTime(ms: number): Promise<void> {
  processDeadlines.now += ms;
  await new Promise<void>((resolve, reject) => {
    const last = {
      deadline: processDeadlines.now,
      expire() {
        processDeadlines.unwatch(last);
        resolve();
      },
      crashed: reject,
    };
    processDeadlines.watch(last);
  });
}

/** Passes `ms` again and again until `work` settles: for a limit that begins at a moment which the test cannot see. */
export async function passTimeUntil<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  let settled = false;
  const noted = work.finally(() => {
    settled = true;
  });
  noted.catch(() => {});
  while (!settled) await passTime(ms);
  return noted;
}
