import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Clock, Timer } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { FollowedSecret } from '../registry/secrets/followed-secret.ts';
import type { Secrets } from '../registry/secrets/secrets.ts';

const secretName = 'tickets';
/** Milliseconds for which a secret makes keys. Tickets of the one before it are not accepted: their clients make a whole handshake once. */
const lifetime = 12 * 3_600_000;

const made = z.object({ secret: z.base64().length(44), madeAt: z.number() });
type Made = z.output<typeof made>;

/**
 * The secret that keys of session tickets are made from (RFC 5077). All balancers on a registry have the same one, so that clients resume their
 * sessions at any of them. One balancer replaces it when its time is over.
 */
export class TicketSecret {
  readonly #clock: Clock;
  readonly #secret: FollowedSecret;
  readonly #listeners: (() => void)[] = [];
  #rotation: Timer | undefined;
  #present: Made;

  constructor(parts: { clock: Clock; logger: Log }) {
    this.#clock = parts.clock;
    this.#present = this.#make();
    const follower = { name: secretName, replace: this.#replace.bind(this), adopt: this.#adopt.bind(this) };
    this.#secret = new FollowedSecret({ ...parts, follower });
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
    return this.#secret.start(secrets);
  }

  /** Resolves when the latest change that was heard of is taken over. */
  loaded(): Promise<void> {
    return this.#secret.loaded();
  }

  stop(): void {
    this.#rotation?.cancel();
    this.#secret.stop();
  }

  #replace(text: string | undefined): string | undefined {
    if (text === undefined) return JSON.stringify(this.#present);
    const stored = read(text);
    const isOver = stored === undefined || this.#clock.date() - stored.madeAt >= lifetime;
    return isOver ? JSON.stringify(this.#make()) : undefined;
  }

  #adopt(text: string): void {
    const next = read(text);
    if (next === undefined || next.secret === this.#present.secret) return;
    this.#present = next;
    for (const listener of this.#listeners) listener();
  }

  #make(): Made {
    return { secret: randomBytes(32).toString('base64'), madeAt: this.#clock.date() };
  }

  #rotateAlone(): void {
    this.#rotation = this.#clock.after(lifetime, () => {
      this.#adopt(JSON.stringify(this.#make()));
      this.#rotateAlone();
    });
  }
}

/** Reads a stored secret; undefined if it is damaged. */
function read(text: string): Made | undefined {
  try {
    return made.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
