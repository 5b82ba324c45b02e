import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** A tenth of the usual share of a processor that others want too: enough for a deploy not to wait for minutes on a machine that is full. */
const tenth = 10;

/** Gives a process, with all of its threads, a low priority: traffic comes first. Does nothing if the process has ended. */
export function giveWay(pid: number, niceness = tenth): void {
  try {
    setPriority(pid, niceness);
    // Linux has a priority for each thread. A thread begins with that of the thread that starts it.
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), niceness);
  } catch {
    // The process has ended, or the system has no such files.
  }
}
