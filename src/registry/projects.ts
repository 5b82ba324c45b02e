import type * as z from 'zod';
import type { Clock } from '../model/clock.ts';
import { type Project, type ProjectSummary, project as projectSchema, type Revision } from '../model/project.ts';
import { contentHash } from '../model/snapshot.ts';
import { revisionName } from './documents.ts';
import type { Ledger } from './ledger.ts';
import { valid } from './refusals.ts';

/** The projects of a registry and their revisions: the rules. */
export class Projects {
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  async list(): Promise<ProjectSummary[]> {
    return (await this.#ledger.list('project')).all('project').map(({ name, value }) => ({ name, ...value }));
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
      const revisions = [...(entry.value?.revisions ?? []), { revision, version: project.version, hash, createdAt }];
      const put = [
        { kind: 'project', name, text: JSON.stringify({ latest: revision, revisions }) },
        { kind: 'revision', name: revisionName(name, revision), text: JSON.stringify({ project, hash, createdAt }) },
      ] as const;
      const change = { epoch: now.epoch, expect: [entry], put, news: [{ kind: 'project', name }] } as const;
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
}
