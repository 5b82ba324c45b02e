/**
 * Makes of `task` one that runs one at a time: whatever asks for it during a run leads to one more, `restMs` later (default 0: at once),
 * so that a flood of news never becomes a flood of runs.
 */
export function coalesced(task: () => Promise<void>, restMs = 0): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async () => {
    do {
      again = false;
      await task();
      if (again && restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    } while (again);
  };
  return () => {
    again = true;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}
