import type * as z from 'zod';
import type { Clock } from '../../model/clock.ts';
import { contentHash } from '../../model/content-hash.ts';
import { type ExpectedTags, projectTag } from '../../model/entity-tag.ts';
import { hasHiddenKey, restoreKeys } from '../../model/hidden-keys.ts';
import type { Project } from '../../model/project.ts';
import type { ProjectSummary, Revision } from '../../model/revision.ts';
import { isChecked, pushedProject } from '../../projects/pushed-project.ts';
import { revisionName } from '../documents.ts';
import type { Change } from '../store.ts';
import { DeployedProjects } from './deployed-projects.ts';
import type { Ledger } from './ledger.ts';
import { mustHaveKeys, mustSatisfy, valid } from './refusals.ts';

/** Revisions of one project that are kept; revisions in use are kept in addition. */
const defaultMostRevisions = 1000;

/** Rules for the projects of a registry and their revisions. */
export class Projects {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #most: number;

  /** @param most revisions of one project that are kept; older ones are removed, unless an environment runs them or could be rolled back to them */
  constructor(ledger: Ledger, clock: Clock, most: number = defaultMostRevisions) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#most = most;
  }

  async list(): Promise<ProjectSummary[]> {
    return (await this.#ledger.list('project'))
      .all('project')
      .map(({ name, value: { latest, revisions } }) => ({ name, latest, revisions }));
  }

  async get(name: string): Promise<ProjectSummary | undefined> {
    const { value } = (await this.#ledger.read({ kind: 'project', name })).get('project', name);
    return value && { name, latest: value.latest, revisions: value.revisions };
  }

  async push(given: Project, expect?: ExpectedTags): Promise<{ name: string; revision: number; created: boolean }> {
    const sent = isChecked(given) ? given : valid('the project', pushedProject as z.ZodType<Project>, given);
    const { name } = sent;
    const project = hasHiddenKey(sent) ? await this.#withKeys(sent) : sent;
    const hash = contentHash(project);

    return this.#ledger.transact<{ name: string; revision: number; created: boolean }>(async () => {
      const now = await this.#ledger.read({ kind: 'project', name });
      const entry = now.get('project', name);
      mustSatisfy(`project "${name}"`, expect, entry.value && projectTag(entry.value));
      const newest = entry.value?.revisions.at(-1);
      if (newest?.hash === hash) return { result: { name, revision: newest.revision, created: false } };

      const { latest = 0, used = 0 } = entry.value ?? {};
      const revision = Math.max(latest, used) + 1;
      const createdAt = this.#clock.date();
      const all = [...(entry.value?.revisions ?? []), { revision, version: project.version, hash, createdAt }];
      const { surplus, expectAll } = await this.#surplus(name, all.slice(0, -1));
      const revisions = all.filter((known) => !surplus.has(known.revision));
      const remove = [...surplus].map((number) => ({ kind: 'revision', name: revisionName(name, number) }) as const);
      const put = [
        { kind: 'project', name, text: JSON.stringify({ latest: revision, revisions }) },
        { kind: 'revision', name: revisionName(name, revision), text: JSON.stringify({ project, hash, createdAt }) },
      ] as const;
      const news = [{ kind: 'project', name }] as const;
      const change = { epoch: now.epoch, expect: [entry], ...(expectAll && { expectAll }), put, remove, news };
      return { result: { name, revision, created: true }, change };
    });
  }

  /** The project with the private keys of its earlier revisions in place of their digests, latest first. */
  async #withKeys(sent: Project): Promise<Project> {
    const known = await this.get(sent.name);
    let project = sent;
    for (const { revision } of [...(known?.revisions ?? [])].reverse()) {
      if (!hasHiddenKey(project)) break;
      project = restoreKeys(project, (await this.revision(sent.name, revision))?.project);
    }
    mustHaveKeys(`project "${sent.name}"`, project);
    return valid('the project', pushedProject as z.ZodType<Project>, project);
  }

  async revision(name: string, wanted?: number): Promise<Revision | undefined> {
    const revision = wanted ?? (await this.#ledger.read({ kind: 'project', name })).get('project', name).value?.latest;
    if (revision === undefined) return undefined;
    const key = { kind: 'revision', name: revisionName(name, revision) } as const;
    const { value } = (await this.#ledger.read(key)).get('revision', key.name);
    return value && { name, revision, ...value };
  }

  /** Finds the revisions to remove when one more is added, and what must not change before they are removed. */
  async #surplus(name: string, revisions: readonly { readonly revision: number }[]): Promise<Surplus> {
    const count = revisions.length + 1 - this.#most;
    if (count <= 0) return { surplus: new Set() };
    const environments = await this.#ledger.list('environment');
    // A damaged environment may use any revision.
    if (environments.damaged) return { surplus: new Set() };
    const deployed = await Promise.all(
      environments.all('environment').map((entry) => new DeployedProjects(this.#ledger, entry.name, entry.value).find(name)),
    );
    const used = new Set(
      deployed
        .flatMap((deployment) => (deployment === undefined ? [] : [deployment]))
        .flatMap(({ revision, history, fallback }) => [revision, ...history, ...(fallback === undefined ? [] : [fallback])]),
    );
    const spare = revisions.filter(({ revision }) => !used.has(revision));
    return {
      surplus: new Set(spare.slice(0, count).map(({ revision }) => revision)),
      expectAll: { kind: 'environment', generation: environments.generation },
    };
  }
}

interface Surplus {
  readonly surplus: ReadonlySet<number>;
  readonly expectAll?: NonNullable<Change['expectAll']>;
}
