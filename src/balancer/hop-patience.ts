import type { Clock, Timer } from '../model/clock.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ServerRecord } from '../model/server.ts';

/** Milliseconds for which a server may be without the certificate that it asked for; most have it after a tenth of a second. */
const patienceMs = 10_000;

interface Wait {
  readonly instance: string;
  readonly environment: string;
  readonly until: number;
  readonly timer: Timer;
}

/**
 * Servers that have asked for a certificate and do not have it yet. A balancer sends them nothing for a while, rather than plain requests: so a server
 * that gets its certificate soon never had to take plain connections from another machine.
 */
export class HopPatience {
  readonly #clock: Clock;
  readonly #ended: () => void;
  readonly #waits = new Map<string, Wait>();

  /** @param ended called when a server has waited long enough */
  constructor(clock: Clock, ended: () => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Takes all servers of an environment, one in a piece. */
  *follow(environment: string, members: Iterable<{ readonly record: ServerRecord }>): Pieces<void> {
    const present = new Set<string>();
    for (const { record } of members) {
      yield;
      const { id, instance, hop } = record;
      if (hop === undefined || hop.serves === true) continue;
      present.add(id);
      const known = this.#waits.get(id);
      if (known?.instance === instance && known.environment === environment) continue;
      known?.timer.cancel();
      const timer = this.#clock.after(patienceMs, this.#ended);
      this.#waits.set(id, { instance, environment, until: this.#clock.now() + patienceMs, timer });
    }
    for (const [id, wait] of this.#waits) if (wait.environment === environment && !present.has(id)) this.#end(id, wait);
  }

  /** True while a server's certificate is worth waiting for. */
  waitsFor(id: string): boolean {
    const wait = this.#waits.get(id);
    return wait !== undefined && this.#clock.now() < wait.until;
  }

  stop(): void {
    for (const [id, wait] of this.#waits) this.#end(id, wait);
  }

  #end(id: string, { timer }: Wait): void {
    timer.cancel();
    this.#waits.delete(id);
  }
}
