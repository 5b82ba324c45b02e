import type { SealedSecret, SealedSecrets } from '../contract.ts';
import type { Change } from '../store.ts';
import type { Ledger } from './ledger.ts';

const kind = 'secret';

/** The documents of sealed secrets. */
export class SecretDocuments implements SealedSecrets {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async get(name: string): Promise<SealedSecret | undefined> {
    const entry = (await this.#ledger.read({ kind, name })).get(kind, name);
    return entry.value && { name, ...entry.value, revision: entry.revision };
  }

  async list(prefix: string): Promise<SealedSecret[]> {
    const reading = await this.#ledger.list(kind, prefix);
    return reading.all(kind).map(({ name, revision, value }) => ({ name, ...value, revision }));
  }

  put(name: string, sealed: string, expect: number, clear?: string): Promise<boolean> {
    const text = JSON.stringify({ sealed, ...(clear !== undefined && { clear }) });
    return this.#change(name, expect, { put: [{ kind, name, text }] });
  }

  remove(name: string, expect: number): Promise<boolean> {
    return this.#change(name, expect, { remove: [{ kind, name }] });
  }

  async #change(name: string, revision: number, what: Pick<Change, 'put' | 'remove'>): Promise<boolean> {
    const { epoch } = await this.#ledger.read({ kind, name });
    return this.#ledger.store.commit({ epoch, expect: [{ kind, name, revision }], ...what, news: [{ kind, name }] });
  }
}
