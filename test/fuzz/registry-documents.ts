import { systemClock } from '../../src/model/clock.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { DocumentTable, TableDraft } from '../../src/registry/embedded/document-table.ts';
import { documentRegistry } from '../../src/registry/rules/document-registry.ts';
import { type Kind, kinds, type Reading, type Store, type Stored } from '../../src/registry/store.ts';
import { api, request } from '../contract/registry-samples.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import fc from '../tools/fast-check.ts';
import type { Fuzzer } from './fuzzer.ts';
import { damaged, edits, values } from './texts.ts';

/** A store in memory whose documents can be replaced by any text, as other programs can do with Redis. */
class OpenStore implements Store {
  readonly table = new DocumentTable('epoch');
  readonly link = { up: true, since: 0 };

  async read(keys: Parameters<Store['read']>[0]): Promise<Reading> {
    return this.#reading(keys.map((key) => this.table.get(key)).filter((stored) => stored !== undefined));
  }

  async list(kind: Kind, prefix = ''): Promise<Reading> {
    const documents = this.table.all(kind).filter(({ name }) => name.startsWith(prefix));
    return this.#reading(documents, this.table.generation(kind));
  }

  async commit(change: Parameters<Store['commit']>[0]): Promise<boolean> {
    const draft = new TableDraft(this.table);
    const done = draft.apply(change);
    if (done) this.table.adopt(draft);
    return done;
  }

  async renew(id: string): Promise<Reading | undefined> {
    const server = this.table.get({ kind: 'server', name: id });
    return server && this.#reading([server]);
  }

  watch() {
    return { ready: Promise.resolve(), close() {} };
  }

  async probe(): Promise<void> {}

  async close(): Promise<void> {}

  #reading(documents: Stored[], generation = 0): Reading {
    const leased = documents.map((stored) => (stored.kind === 'server' ? { ...stored, leaseRemaining: 10_000 } : stored));
    return { epoch: this.table.epoch, generation, documents: leased };
  }
}

/** Runs `work`; a refusal is fine, any other error is a bug. */
async function orRefused(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
  }
}

/** Damaged documents in the registry: nothing but their own objects is harmed. */
export const registryDocuments: Fuzzer = {
  name: 'registry-documents',
  async open() {
    let reached = 0;
    const known = [
      'input',
      'version',
      'hash',
      'deployments',
      'history',
      'revision',
      'basePath',
      'instance',
      'address',
      'projects',
      'production',
      'shop',
    ];
    const input = [fc.nat(999), edits, fc.option(values(known))] as const;
    const property = fc.asyncProperty(...input, async (which, changes, value) => {
      const store = new OpenStore();
      const registry = documentRegistry({ store, logger: silentLogger, clock: systemClock, random: () => 0 });
      for (const environment of ['production', 'staging']) {
        await registry.putEnvironment(environment, {});
        await registry.pushProject(api(`shop-of-${environment}`));
        await registry.deploy(environment, `shop-of-${environment}`);
        await registry.join(request(`server-of-${environment}`, { environment }));
      }
      const all = kinds.flatMap((kind) => store.table.all(kind)).filter(({ name }) => name.includes('production'));
      const { kind, name, text, revision } = all[which % all.length] as Stored;
      const other = value === null ? damaged(text, changes) : JSON.stringify(value);
      await store.commit({ epoch: 'epoch', expect: [{ kind, name, revision }], put: [{ kind, name, text: other }], news: [] });
      if (other !== text) reached++;

      const { projects } = await registry.snapshot('staging');
      const served = projects.map((project) => [project.name, project.fault]);
      if (JSON.stringify(served) !== '[["shop-of-staging",null]]' && JSON.stringify(served) !== '[["shop-of-staging"]]')
        throw new Error(`staging serves ${JSON.stringify(served)}`);
      await registry.join(request('another', { environment: 'staging' }));
      await registry.pushProject(api('pay'));
      await registry.deploy('staging', 'pay');
      for (const list of [registry.environments(), registry.servers(), registry.projects(), registry.appliedSettings()]) await list;
      await orRefused(() => registry.snapshot('production'));
      await orRefused(() => registry.join(request('more', { environment: 'production' })));
      await orRefused(() => registry.renew({ id: 'server-of-production', instance: 'server-of-production-1', projects: [] }));
      await orRefused(() => registry.deploy('production', 'pay'));
      await orRefused(() => registry.rollback('production', 'shop-of-production'));
      await orRefused(() => registry.pushProject(api('shop-of-production', { version: '2' })));
      await orRefused(() => registry.assign('server-of-production', 'staging'));
      await orRefused(() => registry.putEnvironment('production', { variables: { a: 'b' } }));
      await orRefused(() => registry.deleteEnvironment('production', { force: true }));
    });
    return { property, reached: () => reached, close: async () => {} };
  },
};
