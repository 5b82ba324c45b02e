import type * as z from 'zod';
import type { Clock } from '../../model/clock.ts';
import { type ExpectedTags, projectTag } from '../../model/entity-tag.ts';
import { hasHiddenKey, restoreKeys } from '../../model/hidden-keys.ts';
import type { Project } from '../../model/project.ts';
import type { ProjectSummary, Revision } from '../../model/revision.ts';
import { CheckedProject } from '../../projects/checked-project.ts';
import { pushedProject } from '../../projects/pushed-project.ts';
import { revisionName } from '../documents.ts';
import type { Change } from '../store.ts';
import { DeployedProjects } from './deployed-projects.ts';
import type { Ledger } from './ledger.ts';
import { mustHaveKeys, mustSatisfy, valid } from './refusals.ts';

/** Bounds of the revisions of one project. Revisions in use, and the newest, are kept in any case. */
interface RevisionBounds {
  readonly revisions: number;
  /** Octets of their documents. */
  readonly octets: number;
}

const defaultBounds: RevisionBounds = { revisions: 1000, octets: 64 << 20 };

/** Rules for the projects of a registry and their revisions. */
export class Projects {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #bounds: RevisionBounds;

  /** @param bounds of what is kept of one project; older revisions are removed, unless an environment runs them or could be rolled back to them */
  constructor(ledger: Ledger, clock: Clock, bounds: RevisionBounds = defaultBounds) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#bounds = bounds;
  }

  async list(): Promise<ProjectSummary[]> {
    const entries = await (await this.#ledger.list('project')).allInTurns('project');
    return entries.map(({ name, value: { latest, revisions } }) => ({ name, latest, revisions }));
  }

  async get(name: string): Promise<ProjectSummary | undefined> {
    const { value } = (await this.#ledger.read({ kind: 'project', name })).get('project', name);
    return value && { name, latest: value.latest, revisions: value.revisions };
  }

  async push(given: Project | CheckedProject, expect?: ExpectedTags): Promise<{ name: string; revision: number; created: boolean }> {
    const sent = given instanceof CheckedProject ? given : CheckedProject.of(checked(given));
    const { name, version, hash, json } = (sent.facts.hidesKeys ? CheckedProject.of(await this.#withKeys(sent.parsed())) : sent).facts;
    const createdAt = this.#clock.date();
    const text = `{"project":${json},"hash":"${hash}","createdAt":${createdAt}}`;
    const octets = Buffer.byteLength(text);

    const { removed, ...pushed } = await this.#ledger.transact<Pushed>(async () => {
      const now = await this.#ledger.read({ kind: 'project', name });
      const entry = now.get('project', name);
      mustSatisfy(`project "${name}"`, expect, entry.value && projectTag(entry.value));
      const newest = entry.value?.revisions.at(-1);
      if (newest?.hash === hash) return { result: { name, revision: newest.revision, created: false, removed: [] } };

      const { latest = 0, used = 0 } = entry.value ?? {};
      const revision = Math.max(latest, used) + 1;
      const all = [...(entry.value?.revisions ?? []), { revision, version, hash, createdAt, octets }];
      const { surplus, expectAll } = await this.#surplus(name, all.slice(0, -1), octets);
      const revisions = all.filter((known) => !surplus.has(known.revision));
      const remove = [...surplus].map((number) => ({ kind: 'revision', name: revisionName(name, number) }) as const);
      const put = [
        { kind: 'project', name, text: JSON.stringify({ latest: revision, revisions }) },
        { kind: 'revision', name: revisionName(name, revision), text },
      ] as const;
      const news = [{ kind: 'project', name }] as const;
      const change = { epoch: now.epoch, expect: [entry], ...(expectAll && { expectAll }), put, remove, news };
      return { result: { name, revision, created: true, removed: [...surplus] }, change };
    });
    if (removed.length > 0)
      this.#ledger.log.info(
        { project: name, revisions: removed, mostRevisions: this.#bounds.revisions, mostOctets: this.#bounds.octets },
        'removed the oldest unused revisions of a project, which has more than are kept',
      );
    return pushed;
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
    return checked(project);
  }

  async revision(name: string, wanted?: number): Promise<Revision | undefined> {
    const revision = wanted ?? (await this.#ledger.read({ kind: 'project', name })).get('project', name).value?.latest;
    if (revision === undefined) return undefined;
    const key = { kind: 'revision', name: revisionName(name, revision) } as const;
    const { value } = (await this.#ledger.read(key)).get('revision', key.name);
    return value && { name, revision, ...value };
  }

  /**
   * Finds the revisions to remove when one more with this many octets is added, and what must not change before they are removed. Older versions
   * noted no octets: such a revision counts as large as the one that is added.
   */
  async #surplus(name: string, revisions: readonly Counted[], added: number): Promise<Surplus> {
    let count = revisions.length + 1 - this.#bounds.revisions;
    let excess = revisions.reduce((sum, { octets = added }) => sum + octets, added) - this.#bounds.octets;
    if (count <= 0 && excess <= 0) return { surplus: new Set() };
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
    const surplus = new Set<number>();
    for (const { revision, octets = added } of revisions) {
      if (count <= 0 && excess <= 0) break;
      if (used.has(revision)) continue;
      surplus.add(revision);
      count--;
      excess -= octets;
    }
    return {
      surplus,
      expectAll: { kind: 'environment', generation: environments.generation },
    };
  }
}

/** Throws `invalid` with every fault of a project. */
function checked(project: Project): Project {
  return valid('the project', pushedProject as z.ZodType<Project>, project);
}

/** Result of a push, with the numbers of the revisions that were removed for it. */
interface Pushed {
  readonly name: string;
  readonly revision: number;
  readonly created: boolean;
  readonly removed: readonly number[];
}

interface Counted {
  readonly revision: number;
  readonly octets?: number;
}

interface Surplus {
  readonly surplus: ReadonlySet<number>;
  readonly expectAll?: NonNullable<Change['expectAll']>;
}
