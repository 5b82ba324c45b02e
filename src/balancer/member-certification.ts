import type { Clock, Random } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import type { Log } from '../model/log.ts';
import type { ServerRecord } from '../model/server.ts';
import type { Certification } from '../registry/contract.ts';
import type { HopAuthority } from './hop-authority.ts';

/** Most milliseconds until a server that joined without certificate gets one: random, so that mostly one of several balancers does it. */
const delayMs = 30;
const retryMs = 1000;

/**
 * Certifies servers that joined, or renew their leases, where no process has the authority: directly in Redis. Those that join through a balancer
 * have their certificate with the answer.
 */
export class MemberCertification {
  readonly #authority: HopAuthority;
  readonly #random: Random;
  readonly #log: Log;
  readonly #runs: CoalescedTask;
  #certification: Certification | undefined;
  /** Servers whose certificate is due, as last seen. */
  #due: readonly string[] = [];

  constructor(parts: { authority: HopAuthority; clock: Clock; random: Random; logger: Log }) {
    this.#authority = parts.authority;
    this.#random = parts.random;
    this.#log = parts.logger;
    this.#runs = new CoalescedTask({ clock: parts.clock, run: () => this.#certify() });
  }

  /** Begins to certify: servers that join through this process, and those that {@link follow} is given. */
  start(certification: Certification): void {
    this.#certification = certification;
    certification.use(this.#authority);
  }

  /** Looks for servers whose certificate is missing or has to be renewed. */
  follow(members: Iterable<{ readonly record: ServerRecord }>): void {
    if (this.#certification === undefined) return;
    const due: string[] = [];
    for (const { record } of members) if (this.#authority.isDue(record)) due.push(record.id);
    this.#due = due;
    if (due.length > 0) this.#runs.soon(delayMs * this.#random());
  }

  stop(): void {
    this.#runs.stop();
  }

  async #certify(): Promise<void> {
    const due = this.#due;
    this.#due = [];
    for (const [index, id] of due.entries()) {
      try {
        await this.#certification?.certify(id);
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error;
        this.#log.debug({ server: id, reason: error.message }, 'the key of a server could not be certified');
        if (error.code !== 'unavailable') continue;
        this.#due = [...due.slice(index), ...this.#due];
        this.#runs.postpone(retryMs);
        return;
      }
    }
  }
}
