import { SluiceError } from '../../model/fault.ts';
import type { Log } from '../../model/log.ts';
import type { Registry, SealedSecret, SealedSecrets, Watch } from '../contract.ts';
import type { SecretKeys } from './secret-keys.ts';

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

/**
 * Secrets that the balancers on one registry share, such as private keys. The registry holds them sealed; they are opened here, with keys that
 * only balancers have, and are part of no answer, export or log.
 */
export class Secrets {
  readonly #sealed: SealedSecrets;
  readonly #watch: Registry['watch'];
  readonly #keys: SecretKeys;
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

  /** Seals secrets with the first key that an earlier one sealed, so that the earlier key can be dropped. Never rejects: what fails is logged. */
  async resealAll(): Promise<void> {
    try {
      for (const sealed of await this.#sealed.list('')) if (this.#keys.isOutdated(sealed.sealed)) await this.#reseal(sealed);
    } catch (error) {
      this.#log.warn({ err: error }, 'not every secret is sealed with the new key: keep the earlier key, and restart this balancer later');
    }
  }

  /** Calls `listener` with the name of each secret that changes; with undefined if any of them may have. */
  watch(listener: (name: string | undefined) => void): Watch {
    return this.#watch((news) => {
      if (news.kind === 'secret') listener(news.name);
      else if (news.kind === 'resync') listener(undefined);
    });
  }

  async #reseal(sealed: SealedSecret): Promise<void> {
    const { name, text, revision, clear } = this.#open(sealed);
    if (text !== undefined && (await this.put(name, text, revision, clear)))
      this.#log.info({ secret: name }, 'a secret of the registry is sealed with the new key');
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

/** Binds a sealed text to its name, so that one secret cannot be put in the place of another. */
function contextOf(name: string): string {
  return `secret ${name}`;
}
