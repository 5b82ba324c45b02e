import type { Clock } from '../model/clock.ts';
import type { LiveServer } from '../model/live.ts';

/** Least milliseconds between two looks at a server's counts: in that time a server that works answers something. */
const lookEveryMs = 3_000;

/** A server without health checks whose lease has ended. */
export interface UncheckedServer {
  readonly environment: string;
  readonly id: string;
  readonly instance: string;
}

interface Look {
  readonly instance: string;
  failed: boolean;
  at: number;
  answered: number;
}

/**
 * Judges servers without health checks whose leases have ended, by their traffic: a server keeps it until an exchange with it fails, or
 * until it has requests in flight and answers none of them from one look at its counts to the next.
 */
export class TrafficWitness {
  readonly #clock: Clock;
  readonly #looks = new Map<string, Look>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Judges exactly these servers from now on, and looks at their counts. */
  follow(servers: readonly UncheckedServer[], live: () => Iterable<LiveServer>): void {
    const wanted = new Map(servers.map((server) => [keyOf(server.environment, server.id), server]));
    for (const [key, { instance }] of this.#looks) if (wanted.get(key)?.instance !== instance) this.#looks.delete(key);
    if (wanted.size === 0) return;
    const counts = new Map<string, LiveServer>();
    for (const server of live()) {
      const key = keyOf(server.environment, server.id);
      if (wanted.has(key)) counts.set(key, server);
    }
    const now = this.#clock.now();
    for (const [key, { instance }] of wanted) {
      const seen = counts.get(key);
      const answered = seen?.statuses.reduce((sum, count) => sum + count, 0) ?? 0;
      const look = this.#looks.get(key);
      if (look === undefined) this.#looks.set(key, { instance, failed: false, at: now, answered });
      else if (now - look.at >= lookEveryMs) {
        if ((seen?.active ?? 0) > 0 && answered === look.answered) look.failed = true;
        Object.assign(look, { at: now, answered });
      }
    }
  }

  /** Takes in that an exchange with a server failed. Returns true if that changes the judgement. */
  failed(environment: string, id: string): boolean {
    const look = this.#looks.get(keyOf(environment, id));
    if (look === undefined || look.failed) return false;
    look.failed = true;
    return true;
  }

  /** True while the server's traffic gives no reason to take it out. */
  vouches(environment: string, id: string): boolean {
    return this.#looks.get(keyOf(environment, id))?.failed === false;
  }
}

/** Unambiguous, since names contain no space. */
function keyOf(environment: string, id: string): string {
  return `${environment} ${id}`;
}
