import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Has this process, with all of its threads, run only while a processor has nothing else to do, where the system can do that (SCHED_IDLE); elsewhere with
 * the lowest priority. A process cannot take that back.
 */
export function giveWay(): void {
  const { status } = spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
  if (status === 0) return;
  setPriority(19);
  if (process.platform === 'linux') for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), 19);
}
