import type { Clock } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { Watch } from '../contract.ts';
import type { Secrets } from './secrets.ts';

const retryMs = 1000;
/** Milliseconds between two readings, which make up for lost news. */
const refreshMs = 60_000;

/**
 * Keeps up with secrets that balancers share: `load` runs at the start, after news of secrets whose names begin with `prefix`, and every minute. While
 * it fails, the last ones stay in use.
 */
export class SecretFollower {
  readonly #prefix: string;
  readonly #load: (secrets: Secrets) => Promise<void>;
  readonly #log: Log;
  readonly #loads: CoalescedTask;
  #secrets: Secrets | undefined;
  #watch: Watch | undefined;

  constructor(parts: { prefix: string; load: (secrets: Secrets) => Promise<void>; clock: Clock; logger: Log }) {
    this.#prefix = parts.prefix;
    this.#load = parts.load;
    this.#log = parts.logger;
    this.#loads = new CoalescedTask({ clock: parts.clock, run: () => this.#run() });
  }

  /** Resolves once the secrets were read, or could not be. Never rejects: what fails is logged and tried again. */
  async start(secrets: Secrets): Promise<void> {
    this.#secrets = secrets;
    this.#watch = secrets.watch((name) => {
      if (name === undefined || name.startsWith(this.#prefix)) this.#loads.soon();
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

  async #run(): Promise<void> {
    try {
      await this.#load(this.#secrets as Secrets);
      this.#loads.soon(refreshMs);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      // Another key, or damage, was logged by the secrets with the remedy.
      this.#log.debug({ secrets: this.#prefix, reason: error.message }, 'secrets cannot be read; trying again');
      this.#loads.postpone(error.code === 'unavailable' ? retryMs : refreshMs);
    }
  }
}
