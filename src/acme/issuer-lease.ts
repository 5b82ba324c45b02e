import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Clock, Timer } from '../model/clock.ts';
import { json } from './acme-connection.ts';
import type { Kept, SecretStore } from './secret-store.ts';

/** Milliseconds without a sign of life after which another balancer takes over. */
const leaseMs = 30_000;
const documentName = 'acme:issuer';
const document = z.object({ holder: z.string(), beat: z.number() });

/**
 * The lease of the only balancer that orders certificates at a time. Its holder renews it; another one takes it over when the document has
 * not changed for the whole lease by its own clock, so that clocks need not agree.
 */
export class IssuerLease {
  readonly #store: SecretStore;
  readonly #clock: Clock;
  readonly #id = randomUUID();
  #seen: { revision: number; since: number } | undefined;

  constructor(store: SecretStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Takes the lease, and renews it until `release`. Resolves with the milliseconds until it is worth another try if another balancer holds it. A
   * document that cannot be read may be held by a balancer with another key: it is replaced once it has not changed for the whole lease.
   * @param lost called when another balancer has taken it over
   */
  async take(lost: () => void): Promise<{ release: () => Promise<void> } | { waitMs: number }> {
    const kept = await this.#store.get(documentName);
    const data = read(kept);
    const revision = kept?.revision ?? 0;
    if (kept !== undefined && data?.holder !== '' && data?.holder !== this.#id) {
      const now = this.#clock.now();
      if (this.#seen?.revision !== revision) this.#seen = { revision, since: now };
      const waitMs = this.#seen.since + leaseMs - now;
      if (waitMs > 0) return { waitMs };
    }
    const beat = (data?.beat ?? 0) + 1;
    if (!(await this.#write(this.#id, beat, revision))) return { waitMs: leaseMs / 10 };
    return this.#hold(beat, lost);
  }

  #hold(first: number, lost: () => void): { release: () => Promise<void> } {
    let beat = first;
    let timer: Timer | undefined;
    let renewal = Promise.resolve();
    let ended = false;
    let renewedAt = this.#clock.now();
    const renew = async (holder: string) => {
      try {
        const kept = await this.#store.get(documentName);
        const data = read(kept);
        const isDamaged = kept?.fault?.code === 'internal' && this.#clock.now() - renewedAt < leaseMs;
        const isHeld = kept !== undefined && (isDamaged || (data?.holder === this.#id && data.beat === beat));
        if (!isHeld || !(await this.#write(holder, beat + 1, kept.revision))) {
          lost();
          return;
        }
        beat++;
        renewedAt = this.#clock.now();
      } catch {
        // The registry cannot be reached: others may have taken over.
        if (this.#clock.now() - renewedAt > leaseMs) lost();
      }
    };
    const next = () => {
      timer = this.#clock.after(leaseMs / 3, () => {
        renewal = renew(this.#id).then(() => {
          if (!ended) next();
        });
      });
    };
    next();
    return {
      release: async () => {
        ended = true;
        timer?.cancel();
        await renewal;
        await renew('');
      },
    };
  }

  #write(holder: string, beat: number, revision: number): Promise<boolean> {
    return this.#store.put(documentName, JSON.stringify({ holder, beat }), revision);
  }
}

function read(kept: Kept | undefined): z.output<typeof document> | undefined {
  return kept?.text === undefined ? undefined : document.safeParse(json(kept.text)).data;
}
