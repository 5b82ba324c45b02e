import { isDeepStrictEqual } from 'node:util';
import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { Registry, SealedSecret, SealedSecrets, Watch } from '../contract.ts';
import { keyNotePrefix } from './key-notes.ts';
import { contextOf, SecretKeys } from './secret-keys.ts';

const validName = /^[A-Za-z0-9._:*@/-]{1,300}$/;

/** An opened secret. */
export interface Secret {
  readonly name: string;
  readonly text: string;
  /** Part of the secret that every reader may know. */
  readonly clear?: string;
  /** Differs after each change. */
  readonly revision: number;
}

/** A secret of which at least the clear part can be read; without `text` it cannot be opened. */
export type PartlyOpened = Omit<Secret, 'text'> & {
  readonly text?: string;
  /** Why it cannot be opened. Code `invalid`: this balancer does not have its key, or a newer Sluice sealed it; `internal`: it is damaged. */
  readonly fault?: SluiceError;
};

/** A secret, and the key that sealed it; undefined: that is not known. */
export interface SealedBy {
  readonly name: string;
  readonly key?: string;
  /** Why this balancer cannot open it. */
  readonly fault?: string;
}

/** Times that secrets are sealed anew before those that others keep changing are left. */
const mostRounds = 5;

/**
 * Secrets that the balancers on one registry share, such as private keys. The registry holds them sealed; they are opened here, with keys that
 * only balancers have, and are part of no answer, export or log.
 */
export class Secrets {
  readonly #sealed: SealedSecrets;
  readonly #watch: Registry['watch'];
  readonly #listeners = new Set<(name: string | undefined) => void>();
  #keys: SecretKeys;
  readonly #log: Log;
  /** Reasons why secrets cannot be opened, by name: each is logged once. */
  readonly #unopened = new Map<string, string>();

  constructor(parts: { secrets: SealedSecrets; watch: Registry['watch']; keys: SecretKeys; logger: Log }) {
    this.#sealed = parts.secrets;
    this.#watch = parts.watch;
    this.#keys = parts.keys;
    this.#log = parts.logger;
  }

  /** Reads a secret, also one that cannot be opened. Rejects with `unavailable` if the registry cannot be reached. */
  async get(name: string): Promise<PartlyOpened | undefined> {
    try {
      const sealed = await this.#sealed.get(name);
      if (sealed === undefined) this.#unopened.delete(name);
      return sealed && this.#open(sealed);
    } catch (error) {
      // Logged with its reason. Revision 0 replaces it.
      if (error instanceof SluiceError && error.code === 'internal') return { name, revision: 0, fault: error };
      throw error;
    }
  }

  /** Reads the secrets whose names begin with `prefix`, sorted by name. Leaves out, and logs, those that cannot be opened. */
  async list(prefix: string): Promise<Secret[]> {
    return (await this.listPartly(prefix)).flatMap(({ text, fault: _, ...rest }) => (text === undefined ? [] : { ...rest, text }));
  }

  /** Like {@link list}, with those that cannot be opened. */
  async listPartly(prefix: string): Promise<PartlyOpened[]> {
    const sealed = await this.#sealed.list(prefix);
    for (const name of this.#unopened.keys())
      if (name.startsWith(prefix) && !sealed.some((one) => one.name === name)) this.#unopened.delete(name);
    return sealed.map((one) => this.#open(one));
  }

  /** Names the key that seals, without telling anything about it. */
  get keyId(): string {
    return this.#keys.id;
  }

  get keys(): SecretKeys {
    return this.#keys;
  }

  /**
   * Writes a secret if it still has revision `expect`; 0: if it does not exist. Resolves to false, without any change, if another process was
   * first: read it again. `clear` is stored as it is.
   */
  async put(name: string, text: string, expect: number, clear?: string): Promise<boolean> {
    if (!validName.test(name)) throw new SluiceError('invalid', `"${name}" cannot be the name of a secret`);
    const written = await this.#sealed.put(name, this.#keys.seal(text, contextOf(name)), expect, clear);
    if (written && this.#unopened.delete(name))
      this.#log.warn({ secret: name }, 'a secret of the registry that could not be opened is replaced');
    return written;
  }

  /** Removes a secret if it still has revision `expect`. Resolves to false if another process was first. */
  remove(name: string, expect: number): Promise<boolean> {
    return this.#sealed.remove(name, expect);
  }

  /** From now on opens and seals with other keys. What could not be opened is read again. */
  use(keys: SecretKeys): void {
    if (isDeepStrictEqual(keys.ids, this.#keys.ids)) return;
    this.#keys = keys;
    for (const listener of this.#listeners) listener(undefined);
  }

  /** Lists all secrets, with the ids of the keys that sealed them. */
  async survey(): Promise<SealedBy[]> {
    return (await this.#all()).map(({ sealed, ...rest }) => {
      const { name, fault } = this.#open({ sealed, ...rest });
      const key = SecretKeys.idIn(sealed);
      return { name, ...(key !== undefined && { key }), ...(fault && { fault: fault.message }) };
    });
  }

  /**
   * Seals secrets with the first key that an earlier one sealed, so that the earlier key can be dropped. Resolves with their number, 0 once there is
   * none. Leaves out those that cannot be opened.
   */
  async resealAll(): Promise<number> {
    let count = 0;
    // Another balancer may change a secret first, and seal it with its own first key.
    for (let left = mostRounds; left > 0; left--) {
      const outdated = (await this.#all()).filter(({ sealed }) => this.#keys.isOutdated(sealed));
      let refused = 0;
      for (const sealed of outdated) {
        const { name, text, revision, clear } = this.#open(sealed);
        if (text === undefined) continue;
        if (await this.put(name, text, revision, clear)) count++;
        else refused++;
      }
      if (refused === 0) break;
    }
    if (count > 0) this.#log.info({ secrets: count, key: this.keyId }, 'secrets of the registry are sealed with the new key');
    return count;
  }

  /** Calls `listener` with the name of each secret that changes; with undefined if any of them may have. */
  watch(listener: (name: string | undefined) => void): Watch {
    this.#listeners.add(listener);
    const { ready, close } = this.#watch((news) => {
      if (news.kind === 'secret') listener(news.name);
      else if (news.kind === 'resync') listener(undefined);
    });
    return {
      ready,
      close: () => {
        this.#listeners.delete(listener);
        close();
      },
    };
  }

  /** The sealed secrets, without the notes of keys. */
  async #all(): Promise<SealedSecret[]> {
    return (await this.#sealed.list('')).filter(({ name }) => !name.startsWith(keyNotePrefix));
  }

  #open({ sealed, ...rest }: SealedSecret): PartlyOpened {
    const { name } = rest;
    try {
      const text = this.#keys.open(sealed, contextOf(name));
      this.#unopened.delete(name);
      return { ...rest, text };
    } catch (error) {
      const fault = error as SluiceError;
      const { message } = fault;
      if (this.#unopened.get(name) !== message)
        this.#log.error({ secret: name, reason: message }, 'a secret of the registry cannot be opened');
      this.#unopened.set(name, message);
      return { ...rest, fault };
    }
  }
}
