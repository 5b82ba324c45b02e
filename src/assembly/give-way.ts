import { readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** The lowest priority that processes of any user may have. */
const lowest = 19;

/** Gives a process of this program the lowest priority: traffic of this machine comes first. Does nothing if the process has ended. */
export function giveWay(pid: number): void {
  try {
    setPriority(pid, lowest);
    // Linux has a priority for each thread. A thread begins with that of the thread that starts it.
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), lowest);
    // Priorities only count within a session where the kernel shares time among sessions first (sched_autogroup_enabled).
    writeFileSync(`/proc/${pid}/autogroup`, String(lowest));
  } catch {
    // The process has ended, or the system has no such files.
  }
}
