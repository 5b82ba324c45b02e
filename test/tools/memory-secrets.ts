import type { Kept, SecretStore } from '../../src/acme/secret-store.ts';

/** The secrets of a registry in memory, shared by several balancers of a test. */
export class MemorySecrets implements SecretStore {
  readonly documents = new Map<string, Kept>();
  /** Every call rejects with this error; undefined: none does. */
  outage: Error | undefined;
  readonly #listeners = new Set<(name: string | undefined) => void>();
  #revision = 0;

  async get(name: string): Promise<Kept | undefined> {
    this.#check();
    return this.documents.get(name);
  }

  async list(prefix: string): Promise<(Kept & { name: string })[]> {
    this.#check();
    return [...this.documents].filter(([name]) => name.startsWith(prefix)).map(([name, kept]) => ({ name, ...kept }));
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
