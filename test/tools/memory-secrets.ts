import type { Kept, SecretStore } from '../../src/acme/secret-store.ts';
import { SluiceError } from '../../src/model/fault.ts';

/** The secrets of a registry in memory, shared by several balancers of a test. */
export class MemorySecrets implements SecretStore {
  readonly keyId = 'own';
  readonly documents = new Map<string, Kept>();
  /** Every call rejects with this error; undefined: none does. */
  outage: Error | undefined;
  readonly #listeners = new Set<(name: string | undefined) => void>();
  #revision = 0;

  async get(name: string): Promise<Kept | undefined> {
    this.#check();
    return this.documents.get(name);
  }

  async list(prefix: string): Promise<{ name: string; text: string; revision: number }[]> {
    this.#check();
    return [...this.documents].flatMap(([name, { text, revision }]) =>
      name.startsWith(prefix) && text !== undefined ? [{ name, text, revision }] : [],
    );
  }

  /** Makes a document one that cannot be opened. @param code `invalid`: another key sealed it; `internal`: it is damaged */
  spoil(name: string, code: 'invalid' | 'internal'): void {
    const message = code === 'invalid' ? 'it is sealed with another key' : 'it is damaged';
    this.documents.set(name, { revision: ++this.#revision, fault: new SluiceError(code, message) });
  }

  async put(name: string, text: string, expect: number): Promise<boolean> {
    return this.#change(name, expect, () => this.documents.set(name, { text, revision: ++this.#revision }));
  }

  async remove(name: string, expect: number): Promise<boolean> {
    return this.#change(name, expect, () => this.documents.delete(name));
  }

  watch(listener: (name: string | undefined) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  #change(name: string, expect: number, change: () => unknown): boolean {
    this.#check();
    if ((this.documents.get(name)?.revision ?? 0) !== expect) return false;
    change();
    for (const listener of this.#listeners) queueMicrotask(() => listener(name));
    return true;
  }

  #check(): void {
    if (this.outage !== undefined) throw this.outage;
  }
}
