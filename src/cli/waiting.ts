import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import { readDuration } from './arguments.ts';
import { Failure } from './failure.ts';

/** `--timeout`, in milliseconds. */
export function timeoutOption(): Option {
  return new Option('--timeout <time>', 'how long to wait, for example 90s').argParser(readDuration).default(60_000, '60s');
}

/** How often the balancer is asked. */
const everyMs = 200;

/** How things stand: `line` for people; with `done`, it's over. */
export interface Standing {
  readonly line: string;
  readonly done: boolean;
}

/**
 * Asks `look` again and again until it says that it's over, telling every change by `note`. A {@link Failure} with the last
 * standing after `timeoutMs`.
 */
export async function waitUntil<Seen extends Standing>(
  look: () => Promise<Seen>,
  timeoutMs: number,
  note: (line: string) => void,
): Promise<Seen> {
  const end = performance.now() + timeoutMs;
  let told: string | undefined;
  for (;;) {
    const seen = await look();
    if (seen.done) return seen;
    if (seen.line !== told) note(seen.line);
    told = seen.line;
    if (performance.now() >= end) throw new Failure(`not done after ${timeoutMs / 1000} s, it goes on without being watched: ${seen.line}`);
    await delay(everyMs);
  }
}
