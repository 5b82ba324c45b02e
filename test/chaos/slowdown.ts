import { readFileSync } from 'node:fs';

/**
 * How much slower this process runs than on an idle machine, as the kernel counts it: the time in which it ran or waited for a processor, by the time
 * in which it ran. 1 where that is not told (only Linux tells it). The processes of a stage share the processors with this one, and wait as long.
 */
export class Slowdown {
  readonly #begun = taken();

  /** Since this object was made. */
  get factor(): number {
    const now = taken();
    const ran = now.ran - this.#begun.ran;
    const waited = now.waited - this.#begun.waited;
    return ran > 0 ? (ran + waited) / ran : 1;
  }
}

/** Nanoseconds so far. */
function taken(): { ran: number; waited: number } {
  try {
    const [ran = 0, waited = 0] = readFileSync('/proc/self/schedstat', 'utf8').split(' ').map(Number);
    return { ran, waited };
  } catch {
    return { ran: 0, waited: 0 };
  }
}
