import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Gives a process, with all of its threads, the highest priority. Does nothing if this user may not, or the process has ended. */
export function goFirst(pid: number): void {
  try {
    setPriority(pid, -20);
    // Linux has a priority for each thread. A thread begins with that of the thread that starts it.
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), -20);
  } catch {
    // Only root may, or the system has no such files.
  }
}
