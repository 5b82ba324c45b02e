import type { Clock } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { Watch } from '../contract.ts';
import type { Secrets } from './secrets.ts';

const retryMs = 1000;
/** Milliseconds between two readings, which make up for lost news. */
const refreshMs = 60_000;

/** A use of a secret. */
export interface SecretFollower {
  readonly name: string;
  /** Decides on the text to write instead of the stored one; undefined: it stays. Another balancer may be first: then it is asked again. */
  replace(stored: string | undefined): string | undefined;
  /** Takes over a text. Throws `internal` if it is damaged. */
  adopt(text: string): void;
}

/** Keeps up with a secret that balancers share: reads it at the start, after news, and every minute. While it cannot be read, the last one stays. */
export class FollowedSecret {
  readonly #follower: SecretFollower;
  readonly #log: Log;
  readonly #loads: CoalescedTask;
  #secrets: Secrets | undefined;
  #watch: Watch | undefined;

  constructor(parts: { follower: SecretFollower; clock: Clock; logger: Log }) {
    this.#follower = parts.follower;
    this.#log = parts.logger;
    this.#loads = new CoalescedTask({ clock: parts.clock, run: () => this.#load() });
  }

  /** Resolves once the secret was read, or could not be. Never rejects: what fails is logged and tried again. */
  async start(secrets: Secrets): Promise<void> {
    this.#secrets = secrets;
    this.#watch = secrets.watch((name) => {
      if (name === undefined || name === this.#follower.name) this.#loads.soon();
    });
    await this.#loads.now();
  }

  /** Resolves when the latest change that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#loads.flush();
  }

  stop(): void {
    this.#watch?.close();
    this.#loads.stop();
  }

  async #load(): Promise<void> {
    const { name } = this.#follower;
    try {
      this.#follower.adopt(await this.#read(this.#secrets as Secrets));
      this.#loads.soon(refreshMs);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      // Another key, or damage, was logged with the remedy.
      if (error.code === 'unavailable') this.#log.debug({ secret: name, reason: error.message }, 'a secret cannot be read; trying again');
      this.#loads.postpone(error.code === 'unavailable' ? retryMs : refreshMs);
    }
  }

  async #read(secrets: Secrets): Promise<string> {
    const { name } = this.#follower;
    for (;;) {
      const stored = await secrets.get(name);
      const next = this.#follower.replace(stored?.text);
      if (stored !== undefined && next === undefined) return stored.text;
      if (next !== undefined && (await secrets.put(name, next, stored?.revision ?? 0))) return next;
    }
  }
}
