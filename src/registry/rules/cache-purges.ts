import type { CachePurge } from '../../model/news.ts';
import type { Ledger } from './ledger.ts';
import { notAmong } from './refusals.ts';

/** Tells the gateway servers of an environment to remove stored responses. Nothing is written: who misses the news hears `resync` and doubts everything. */
export class CachePurges {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async purge(environment: string, purge: CachePurge): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'environment', name: environment });
      if (now.get('environment', environment).value === undefined) {
        const existing = (await this.#ledger.list('environment')).all('environment').map(({ name }) => name);
        throw notAmong(`there is no environment "${environment}"`, existing);
      }
      return { result: undefined, change: { epoch: now.epoch, expect: [], news: [{ kind: 'purge', name: environment, ...purge }] } };
    });
  }
}
