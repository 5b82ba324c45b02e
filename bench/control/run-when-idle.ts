import { spawnSync } from 'node:child_process';
import { giveWay } from '../../src/assembly/give-way.ts';

/**
 * Has this process, with all of its threads, run only while a processor has nothing else to do, where the system can do that (SCHED_IDLE); elsewhere with
 * the lowest priority. A process cannot take that back.
 */
export function runWhenIdle(): void {
  const { status } = spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
  if (status !== 0) giveWay(process.pid, 19);
}
