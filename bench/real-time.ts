import { spawnSync } from 'node:child_process';
import type { Launched } from './processes.ts';

/** Words before a command that start it with the priority of {@link inRealTime}. */
export const realTimeWords: readonly string[] = ['chrt', '--reset-on-fork', '--fifo', '1'];

/**
 * Runs `measure` while the first thread of each of these processes has a real-time priority: it never waits for what else the machine does, as if there were
 * nothing else. All have the same priority: one that runs goes on until it sleeps, so none may run without end. The other threads, and what is started
 * meanwhile, stay as they are. `measure` is told whether the system allowed it.
 */
export async function inRealTime<Value>(
  processes: readonly Pick<Launched, 'pids'>[],
  measure: (isAllowed: boolean) => Promise<Value>,
): Promise<Value> {
  const pids = processes.flatMap((launched) => launched.pids());
  const set = pids.filter((pid) => isDone('--reset-on-fork', '--fifo', '--pid', '1', String(pid)));
  try {
    return await measure(set.length > 0 && set.length === pids.length);
  } finally {
    for (const pid of set) isDone('--other', '--pid', '0', String(pid));
  }
}

function isDone(...words: readonly string[]): boolean {
  return spawnSync('chrt', words).status === 0;
}
