import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Link } from './contract.ts';

/** Why a store refuses writes. */
export interface WriteRefusal {
  /** The store's own words. */
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Notes whether a store takes writes, from the outcome of each write. A store that answers but refuses writes is as good as down for
 * leases. Each change is logged once.
 */
export class Writability {
  readonly #clock: Clock;
  readonly #log: Log;
  #refuses: string | undefined;
  /** Time of the last change; undefined while no write was ever refused. */
  #since: number | undefined;

  constructor({ clock, logger }: { clock: Clock; logger: Log }) {
    this.#clock = clock;
    this.#log = logger;
  }

  accepted(): void {
    if (this.#refuses === undefined) return;
    this.#refuses = undefined;
    this.#since = this.#clock.now();
    this.#log.info({}, 'the registry takes writes again');
  }

  refused({ reason, remedy }: WriteRefusal): void {
    const text = `${reason}: ${remedy}`;
    if (text === this.#refuses) return;
    this.#refuses = text;
    this.#since = this.#clock.now();
    this.#log.error(
      { reason, remedy },
      'the registry refuses writes: servers keep their traffic while they pass their health checks; nothing can be changed, and no new server can join',
    );
  }

  /** Adds to the state of a connection whether writes are refused. A change counts as a new state of the link. */
  of(link: Link): Link {
    if (this.#since === undefined) return link;
    const since = Math.max(link.since, this.#since);
    return { ...link, since, ...(link.up && this.#refuses !== undefined && { refuses: this.#refuses }) };
  }
}
