import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { ExpiringMap } from '../model/expiring-map.ts';
import { FairQueue } from '../model/fair-queue.ts';
import { isPassword } from '../model/password-digest.ts';

/** Milliseconds for which a password that was right is not checked again, and one that was wrong. */
const rightMs = 300_000;
const wrongMs = 10_000;
const mostRight = 10_000;
const mostWrong = 1000;

/** scrypt takes a thread of libuv's pool, which has four and serves files and certificates too. */
const queue = new FairQueue({ running: 2, waiting: 256, waitingPerKey: 16 });

/**
 * Checks passwords against digests whose check is slow on purpose. Remembers results for a while, by a keyed hash of password and digest, so that
 * a password that changes is never taken for right. Guesses wait in a queue in which clients take turns.
 */
export class PasswordChecks {
  readonly #key = randomBytes(32);
  readonly #right: ExpiringMap<true>;
  readonly #wrong: ExpiringMap<true>;
  /** Checks that run, so that requests with the same password wait for one check. */
  readonly #running = new Map<string, Promise<boolean | undefined>>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#right = new ExpiringMap(mostRight, clock);
    this.#wrong = new ExpiringMap(mostWrong, clock);
  }

  /**
   * Tells if the password has one of these digests, at once if that is remembered. undefined: too many checks wait.
   *
   * @param client clients with the same text share their turns
   */
  check(password: string, digests: readonly string[], client: string): boolean | Promise<boolean | undefined> {
    const candidates = digests.map((digest) => ({ digest, id: this.#idOf(password, digest) }));
    if (candidates.some(({ id }) => this.#right.get(id))) return true;
    const open = candidates.filter(({ id }) => !this.#wrong.get(id));
    return open.length > 0 && this.#any(password, open, client);
  }

  async #any(password: string, candidates: readonly Candidate[], client: string): Promise<boolean | undefined> {
    for (const candidate of candidates) {
      const right = await this.#checked(password, candidate, client);
      if (right !== false) return right;
    }
    return false;
  }

  #checked(password: string, { digest, id }: Candidate, client: string): Promise<boolean | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const checked = queue
      .run(client, () => isPassword(password, digest))
      .then((right) => {
        if (right) this.#right.set(id, true, rightMs);
        else if (right === false) this.#wrong.set(id, true, wrongMs);
        return right;
      })
      .finally(() => this.#running.delete(id));
    this.#running.set(id, checked);
    return checked;
  }

  #idOf(password: string, digest: string): string {
    return createHmac('sha256', this.#key).update(`${digest}\0${password}`).digest('base64');
  }
}

/** A digest that a password may have, and the text by which the result is remembered. */
interface Candidate {
  readonly digest: string;
  readonly id: string;
}
