import { createHash } from 'node:crypto';
import { HeldBucket } from './held-bucket.ts';
import type { HeldLimit, LimitKeeper } from './held-limit.ts';
import { HeldQuota } from './held-quota.ts';
import { HeldSlots } from './held-slots.ts';
import type { LimitRule } from './limit-store.ts';

/** Most keys of one limit that were used lately; as many that were used before are remembered, too. */
const mostKeys = 10_000;
/** Characters of a value beyond which its digest is remembered instead. */
const longValue = 64;

/** The rule of a limit, and whether each decision is the store's. */
export interface LimitSettings {
  readonly rule: LimitRule;
  readonly exact: boolean;
}

/** The gateway's limits, as one of them sees these. */
export interface LimitOwner extends LimitKeeper {
  readonly environment: string;
  /** Text of this run of the gateway server: one that starts again under its name holds none of the parts that it held before. */
  readonly run: string;
  forget(limit: HeldLimit): void;
}

/**
 * One limit with all its keys on this gateway, such as one for each consumer. Keys that were not used for long are forgotten, and give back what the
 * gateway held of them: the set keeps two generations, and a key that is used moves into the newer one.
 */
export class LimitSet {
  readonly place: string;
  readonly settings: LimitSettings;
  readonly #owner: LimitOwner;
  readonly #closed: () => void;
  readonly #version: string;
  #recent = new Map<string, HeldLimit>();
  #former = new Map<string, HeldLimit>();

  /** @param parts.closed called when the set is closed */
  constructor(parts: { place: string; settings: LimitSettings; owner: LimitOwner; closed: () => void }) {
    this.place = parts.place;
    this.settings = parts.settings;
    this.#owner = parts.owner;
    this.#closed = parts.closed;
    this.#version = digest(`${parts.owner.run}\n${JSON.stringify(parts.settings)}`).slice(0, 8);
  }

  /** Forgets all keys, and gives back what the gateway holds of them. */
  close(): void {
    for (const limits of [this.#recent, this.#former]) {
      for (const limit of limits.values()) this.#owner.forget(limit);
      limits.clear();
    }
    this.#closed();
  }

  get size(): number {
    return this.#recent.size + this.#former.size;
  }

  /** The limit of one value, such as the name of a consumer. */
  of(value: string): HeldLimit {
    const name = value.length > longValue ? digest(value) : value;
    return this.#recent.get(name) ?? this.#renewed(name);
  }

  #renewed(name: string): HeldLimit {
    const known = this.#former.get(name);
    this.#former.delete(name);
    const limit = known ?? this.#make(name);
    if (this.#recent.size >= mostKeys) {
      const former = this.#former;
      this.#former = this.#recent;
      this.#recent = new Map();
      for (const [name, old] of former) {
        if (old.inUse) this.#recent.set(name, old);
        else this.#owner.forget(old);
      }
    }
    this.#recent.set(name, limit);
    return limit;
  }

  #make(name: string): HeldLimit {
    const { rule, exact } = this.settings;
    const key = digest(`${this.#owner.environment}\n${this.place}\n${rule.kind}\n${name}`);
    const parts = { key, version: this.#version, exact, keeper: this.#owner };
    switch (rule.kind) {
      case 'bucket':
        return new HeldBucket({ ...parts, rule });
      case 'quota':
        return new HeldQuota({ ...parts, rule });
      case 'slots':
        return new HeldSlots({ ...parts, rule });
    }
  }
}

/** 128 bits of SHA-256, in 22 characters: keys and values are of any length, and need not be known to the store. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
}
