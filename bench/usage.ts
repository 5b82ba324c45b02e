import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Launched } from './processes.ts';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Reads the CPU seconds, user and system, of these processes and their children (proc(5), fields 14 and 15 of stat). */
export function cpuSeconds(processes: readonly Pick<Launched, 'pids'>[]): number {
  let ticks = 0;
  for (const pid of processes.flatMap((launched) => launched.pids())) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

/** Reads the resident memory of these processes and their children, in bytes. A shared page counts once for each process. */
export function residentBytes(processes: readonly Pick<Launched, 'pids'>[]): number {
  let kibibytes = 0;
  for (const pid of processes.flatMap((launched) => launched.pids())) {
    kibibytes += Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  }
  return kibibytes * 1024;
}
