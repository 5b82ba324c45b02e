import type * as z from 'zod';
import type { Clock } from '../../model/clock.ts';
import { type Project, type ProjectSummary, project as projectSchema, type Revision } from '../../model/project.ts';
import { contentHash } from '../../model/snapshot.ts';
import { revisionName } from '../documents.ts';
import type { Change } from '../store.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';

/** Revisions of one project that are kept unless told otherwise; those in use come on top. */
const mostRevisions = 1000;

/** The projects of a registry and their revisions: the rules. */
export class Projects {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #most: number;

  /** @param most revisions of one project: of more, the oldest that no environment has or could be rolled back to are forgotten */
  constructor(ledger: Ledger, clock: Clock, most: number = mostRevisions) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#most = most;
  }

  async list(): Promise<ProjectSummary[]> {
    return (await this.#ledger.list('project'))
      .all('project')
      .map(({ name, value: { latest, revisions } }) => ({ name, latest, revisions }));
  }

  async push(given: Project): Promise<{ name: string; revision: number; created: boolean }> {
    const project = valid('the project', projectSchema as z.ZodType<Project>, given);
    const { name } = project;
    const hash = contentHash(project);

    return this.#ledger.transact<{ name: string; revision: number; created: boolean }>(async () => {
      const now = await this.#ledger.read({ kind: 'project', name });
      const entry = now.get('project', name);
      const newest = entry.value?.revisions.at(-1);
      if (newest?.hash === hash) return { result: { name, revision: newest.revision, created: false } };

      const revision = (entry.value?.latest ?? 0) + 1;
      const createdAt = this.#clock.date();
      const all = [...(entry.value?.revisions ?? []), { revision, version: project.version, hash, createdAt }];
      const { forgotten, expectAll } = await this.#surplus(name, all.slice(0, -1));
      const revisions = all.filter((known) => !forgotten.has(known.revision));
      const remove = [...forgotten].map((number) => ({ kind: 'revision', name: revisionName(name, number) }) as const);
      const put = [
        { kind: 'project', name, text: JSON.stringify({ latest: revision, revisions }) },
        { kind: 'revision', name: revisionName(name, revision), text: JSON.stringify({ project, hash, createdAt }) },
      ] as const;
      const news = [{ kind: 'project', name }] as const;
      const change = { epoch: now.epoch, expect: [entry], ...(expectAll && { expectAll }), put, remove, news };
      return { result: { name, revision, created: true }, change };
    });
  }

  async revision(name: string, wanted?: number): Promise<Revision | undefined> {
    const revision = wanted ?? (await this.#ledger.read({ kind: 'project', name })).get('project', name).value?.latest;
    if (revision === undefined) return undefined;
    const key = { kind: 'revision', name: revisionName(name, revision) } as const;
    const { value } = (await this.#ledger.read(key)).get('revision', key.name);
    return value && { name, revision, ...value };
  }

  /** Of the revisions so far, those that make room for one more; and what must not change until they are gone. */
  async #surplus(name: string, revisions: readonly { readonly revision: number }[]): Promise<Surplus> {
    const count = revisions.length + 1 - this.#most;
    if (count <= 0) return { forgotten: new Set() };
    const environments = await this.#ledger.list('environment');
    // A damaged one may use any of them.
    if (environments.damaged) return { forgotten: new Set() };
    const used = new Set(
      environments
        .all('environment')
        .flatMap(({ value }) => value.deployments.filter((deployment) => deployment.name === name))
        .flatMap(({ revision, history }) => [revision, ...history]),
    );
    const spare = revisions.filter(({ revision }) => !used.has(revision));
    return {
      forgotten: new Set(spare.slice(0, count).map(({ revision }) => revision)),
      expectAll: { kind: 'environment', generation: environments.generation },
    };
  }
}

interface Surplus {
  readonly forgotten: ReadonlySet<number>;
  readonly expectAll?: NonNullable<Change['expectAll']>;
}
