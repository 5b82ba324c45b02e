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
    const reading = await this.#ledger.read({ kind, name });
    // The document of a damaged secret is left out of all answers, so that it counts as one that does not exist.
    const known = revision === 0 ? reading.replaceable(kind, name) : undefined;
    const expected = known === undefined || known.value !== undefined ? revision : known.revision;
    return this.#ledger.store.commit({
      epoch: reading.epoch,
      expect: [{ kind, name, revision: expected }],
      ...what,
      news: [{ kind, name }],
    });
  }
}
