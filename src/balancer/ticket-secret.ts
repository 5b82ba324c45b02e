import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Clock, Timer } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { SecretFollower } from '../registry/secrets/secret-follower.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';

const prefix = 'tickets:';
/** Milliseconds for which a secret makes keys. Tickets of the one before it are not accepted: their clients make a whole handshake once. */
const lifetime = 12 * 3_600_000;

const made = z.object({ secret: z.base64().length(44), madeAt: z.number() });
type Made = z.output<typeof made>;

/**
 * The secret that keys of session tickets are made from (RFC 5077). All balancers on a registry with the same key for secrets have the same one, so
 * that clients resume their sessions at any of them. One balancer replaces it when its time is over.
 */
export class TicketSecret {
  readonly #clock: Clock;
  readonly #follower: SecretFollower;
  readonly #listeners: (() => void)[] = [];
  #rotation: Timer | undefined;
  #present: Made;

  constructor(parts: { clock: Clock; logger: Log }) {
    this.#clock = parts.clock;
    this.#present = this.#make();
    this.#follower = new SecretFollower({ ...parts, prefix, load: (secrets) => this.#load(secrets) });
    this.#rotateAlone();
  }

  /** 32 octets: those of this balancer alone until {@link start}, and where the registry shares no secrets. */
  get octets(): Buffer {
    return Buffer.from(this.#present.secret, 'base64');
  }

  /** Calls `listener` when the secret has changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Takes over the secret of the registry, or makes its first one. Never rejects. */
  start(secrets: Secrets): Promise<void> {
    this.#rotation?.cancel();
    return this.#follower.start(secrets);
  }

  /** Resolves when the latest change that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#follower.loaded();
  }

  stop(): void {
    this.#rotation?.cancel();
    this.#follower.stop();
  }

  async #load(secrets: Secrets): Promise<void> {
    const name = `${prefix}${secrets.keyId}`;
    for (;;) {
      const stored = await secrets.listPartly(prefix);
      const own = stored.find((one) => one.name === name);
      const present = read(own?.text);
      const now = this.#clock.date();
      if (present !== undefined && now - present.madeAt < lifetime) {
        // Of a key that no balancer has any more.
        for (const { name: other, clear, revision } of stored)
          if (now - Number(clear) > 2 * lifetime) await secrets.remove(other, revision);
        return this.#adopt(present);
      }
      const next = own === undefined ? { ...this.#present, madeAt: now } : this.#make();
      // Another balancer may have replaced it first.
      if (await secrets.put(name, JSON.stringify(next), own?.revision ?? 0, `${now}`)) return this.#adopt(next);
    }
  }

  #adopt(next: Made): void {
    if (next.secret === this.#present.secret) return;
    this.#present = next;
    for (const listener of this.#listeners) listener();
  }

  #make(): Made {
    return { secret: randomBytes(32).toString('base64'), madeAt: this.#clock.date() };
  }

  #rotateAlone(): void {
    this.#rotation = this.#clock.after(lifetime, () => {
      this.#adopt(this.#make());
      this.#rotateAlone();
    });
  }
}

/** Reads a stored secret; undefined if it is damaged, or there is none. */
function read(text: string | undefined): Made | undefined {
  try {
    return made.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}
