import { type ExpectedTags, serverTag } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import type { Ledger } from './ledger.ts';
import { mustSatisfy, notAmong } from './refusals.ts';

/** Rules for forgetting lost servers before their records expire. */
export class ForgottenServers {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async forget(id: string, expect: ExpectedTags | undefined): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'server', name: id }, { kind: 'assignment', name: id });
      const entry = now.replaceable('server', id);
      const assignment = now.replaceable('assignment', id);
      if (entry.revision === 0 && assignment.revision === 0) throw await this.#noSuchServer(id);
      mustSatisfy(`server "${id}"`, expect, entry.value && serverTag(entry.value));
      if (entry.leaseRemaining > 0) throw inUse(id);
      const remove = [entry, assignment].filter(({ revision }) => revision > 0);
      return { result: undefined, change: { epoch: now.epoch, expect: [entry, assignment], remove, news: [{ kind: 'server', name: id }] } };
    });
  }

  async #noSuchServer(id: string): Promise<SluiceError> {
    const existing = (await this.#ledger.list('server')).all('server').map(({ name }) => name);
    return notAmong(`there is no server "${id}"`, existing);
  }
}

function inUse(id: string): SluiceError {
  const remedy = `take it out of its environment with "sluice server remove ${id}", or stop it; only a lost server can be forgotten`;
  return new SluiceError('in-use', `server "${id}" holds its lease: ${remedy}`);
}
