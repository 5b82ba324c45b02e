import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import { readDuration } from './arguments.ts';
import { Unreachable } from './client/control-client.ts';
import { Failure } from './failure.ts';
import type { Operator } from './operator.ts';
import type { Step } from './terminal/progress.ts';

/** `--timeout`, in milliseconds. */
export function timeoutOption(): Option {
  return new Option('--timeout <time>', 'how long to wait, for example 90s').argParser(readDuration).default(60_000, '60s');
}

/** How often the balancer is asked. */
const everyMs = 200;

/** How things stand. */
export interface Standing {
  readonly steps: readonly Step[];
  /** What is missing, for who stops waiting; undefined: nothing, it's over. */
  readonly missing: string | undefined;
}

export interface Wait {
  readonly timeoutMs: number;
  /** What to do if it takes too long. */
  readonly remedy: string;
}

/**
 * Asks `look` again and again until nothing is missing, showing every change. A {@link Failure} that says what is missing and what to
 * do if the user interrupts it or `timeoutMs` are over. A balancer that is away meanwhile is waited for as well.
 */
export async function waitUntil<Seen extends Standing>(
  { terminal, progress }: Pick<Operator, 'terminal' | 'progress'>,
  look: () => Promise<Seen>,
  { timeoutMs, remedy }: Wait,
): Promise<Seen> {
  const stopped = new AbortController();
  const unlisten = terminal.onStop((why) => {
    if (why === 'interrupted') stopped.abort();
  });
  const interruption = new Promise<never>((_, reject) => {
    stopped.signal.addEventListener('abort', () => reject(new Failure('')));
  });
  const end = performance.now() + timeoutMs;
  let missing = 'nothing was seen yet';
  try {
    for (;;) {
      const seen = await Promise.race([lookOnce(look), interruption]);
      progress.show(seen.steps);
      if (seen.missing === undefined) return seen as Seen;
      missing = seen.missing;
      if (performance.now() >= end) break;
      await Promise.race([delay(everyMs), interruption]);
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    throw new Failure(`interrupted: it goes on without being watched; ${missing}; ${remedy}`);
  } finally {
    unlisten();
  }
  throw new Failure(`not done after ${timeoutMs / 1000} s, it goes on without being watched; ${missing}; ${remedy}`);
}

async function lookOnce<Seen extends Standing>(look: () => Promise<Seen>): Promise<Seen | Standing> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const missing = 'the balancer cannot be reached at present';
    return { steps: [{ name: '', line: { text: `${missing}, trying again`, tone: 'warn' } }], missing };
  }
}
