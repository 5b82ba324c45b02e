import { setTimeout as delay } from 'node:timers/promises';
import { Option } from 'commander';
import { readDuration } from './argument-readers.ts';
import { mayPass, Unreachable } from './client/control-client.ts';
import { CommandFailure } from './command-failure.ts';
import type { Operator } from './operator.ts';
import type { Step } from './terminal/step-display.ts';

/** `--timeout`, in milliseconds. */
export function timeoutOption(): Option {
  return new Option('--timeout <time>', 'how long to wait, for example 90s').argParser(readDuration).default(60_000, '60s');
}

const nothingSeen = 'no state received yet';
/** Pause between two observations. */
const pollMs = 200;

/** The state of a change at one moment. */
export interface Observation {
  readonly steps: readonly Step[];
  /** Describes what is still missing, for the message of a wait that ends early; undefined once the change is complete. */
  readonly missing: string | undefined;
}

export interface WaitLimit {
  readonly timeoutMs: number;
  /** Advice for the user when the time is up. */
  readonly remedy: string;
}

/**
 * Calls `observe` until nothing is missing, and shows every change. While the balancer or its registry is unreachable the wait continues. Rejects with a
 * {@link CommandFailure} that says what is missing and what to do if the user interrupts the wait or `timeoutMs` have passed.
 */
export async function waitUntil<Seen extends Observation>(
  { terminal, progress }: Pick<Operator, 'terminal' | 'progress'>,
  observe: () => Promise<Seen>,
  { timeoutMs, remedy }: WaitLimit,
): Promise<Seen> {
  const stopped = new AbortController();
  const unlisten = terminal.onStop((why) => {
    if (why === 'interrupted') stopped.abort();
  });
  const interruption = new Promise<never>((_, reject) => {
    stopped.signal.addEventListener('abort', () => reject(new CommandFailure('')));
  });
  const end = performance.now() + timeoutMs;
  let missing = nothingSeen;
  let outage: string | undefined;
  const left = () => (outage === undefined ? missing : missing === nothingSeen ? outage : `${missing} when last seen, but now ${outage}`);
  try {
    for (;;) {
      const seen = await Promise.race([observeOnce(observe), interruption]);
      if ('outage' in seen) {
        outage = seen.outage;
        progress.show([{ name: '', line: { text: `${outage}, trying again`, tone: 'warn' } }]);
      } else {
        progress.show(seen.steps);
        if (seen.missing === undefined) return seen;
        [missing, outage] = [seen.missing, undefined];
      }
      if (performance.now() >= end) break;
      await Promise.race([delay(pollMs), interruption]);
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    throw new CommandFailure(`interrupted: the change continues in the background; ${left()}; ${remedy}`);
  } finally {
    unlisten();
  }
  throw new CommandFailure(`not done after ${timeoutMs / 1000} s: the change continues in the background; ${left()}; ${remedy}`);
}

async function observeOnce<Seen extends Observation>(observe: () => Promise<Seen>): Promise<Seen | { readonly outage: string }> {
  try {
    return await observe();
  } catch (error) {
    if (!mayPass(error)) throw error;
    return { outage: error instanceof Unreachable ? 'the balancer cannot be reached' : error.message };
  }
}
