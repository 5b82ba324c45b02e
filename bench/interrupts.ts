import type { Scope } from '../test/tools/owner.ts';

/** Ends `scope`, and then the process, at the signals that users and supervisors send. Returns a function that tells whether one has come. */
export function endOnSignals(scope: Scope): () => boolean {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted = true;
      void scope.end().finally(() => process.exit(1));
    });
  }
  return () => interrupted;
}
