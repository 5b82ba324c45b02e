import { type ExpectedTags, projectTag } from '../../model/entity-tag.ts';
import { SluiceError } from '../../model/fault.ts';
import { type DocumentOf, revisionName } from '../documents.ts';
import type { Change, Key } from '../store.ts';
import { DeployedProjects } from './deployed-projects.ts';
import type { CheckedReading, Ledger } from './ledger.ts';
import { mustSatisfy, noSuch, notAmong } from './refusals.ts';

/** Environments that a refusal names at most. */
const mostNamed = 5;

/** Rules for the deletion of projects and revisions. */
export class ProjectRemoval {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Deletes a revision, or the whole project if no revision is given or no other one is left. */
  async remove(name: string, revision: number | undefined, expect: ExpectedTags | undefined): Promise<void> {
    await this.#ledger.transact(async () => {
      const now = await this.#ledger.read({ kind: 'project', name });
      const entry = now.get('project', name);
      const { value: index } = entry;
      if (!index) throw await noSuch(this.#ledger, 'project', name);
      mustSatisfy(`project "${name}"`, expect, projectTag(index));
      const numbers = index.revisions.map((one) => one.revision);
      if (revision !== undefined && !numbers.includes(revision)) throw notAmong(`project "${name}" has no revision ${revision}`, numbers);
      const environments = await this.#ledger.list('environment');
      await this.#mustBeUnused(environments, name, revision);

      const left = revision === undefined ? [] : index.revisions.filter((one) => one.revision !== revision);
      const gone = left.length === 0 ? numbers : [revision as number];
      const removed: Key[] = gone.map((number) => ({ kind: 'revision', name: revisionName(name, number) }));
      const change: Change = {
        epoch: now.epoch,
        expect: [entry],
        // A deploy or rollback changes its environment: the project cannot come into use meanwhile.
        expectAll: { kind: 'environment', generation: environments.generation },
        put: left.length === 0 ? [] : [{ kind: 'project', name, text: JSON.stringify(without(index, left)) }],
        remove: left.length === 0 ? [{ kind: 'project', name }, ...removed] : removed,
        news: [{ kind: 'project', name }],
      };
      return { result: undefined, change };
    });
  }

  /** Throws `in-use` if an environment runs the revision, any of the project if none is given, or can fall back to it. */
  async #mustBeUnused(environments: CheckedReading, project: string, revision: number | undefined): Promise<void> {
    const what = revision === undefined ? `project "${project}"` : `revision ${revision} of project "${project}"`;
    if (environments.damaged) {
      const unread = this.#ledger.unread.all.filter(({ kind }) => kind === 'environment').map(({ name }) => `"${name}"`);
      throw new SluiceError(
        'in-use',
        `${what} may be in use in ${listed(unread)}, whose document cannot be read: repair or delete that environment first`,
      );
    }
    const running: string[] = [];
    const fallingBack: string[] = [];
    for (const { name, value } of environments.all('environment')) {
      const deployment = await new DeployedProjects(this.#ledger, name, value).find(project);
      if (deployment === undefined) continue;
      if (revision === undefined || deployment.revision === revision) running.push(`"${name}"`);
      else if (deployment.fallback === revision || deployment.history.includes(revision)) fallingBack.push(`"${name}"`);
    }
    const uses = [
      ...(running.length === 0 ? [] : [`${listed(running)} ${running.length === 1 ? 'runs' : 'run'} it`]),
      ...(fallingBack.length === 0 ? [] : [`${listed(fallingBack)} can be rolled back to it`]),
    ];
    if (uses.length === 0) return;
    const first = (running[0] ?? fallingBack[0] ?? '').replaceAll('"', '');
    const remedy = `sluice undeploy ${project} --environment ${first}${running.length + fallingBack.length > 1 ? ', and so on' : ''}`;
    const instead = revision === undefined || running.length === 0 ? '' : ', or deploy another revision';
    throw new SluiceError('in-use', `${what} was not deleted: ${uses.join('; ')}: ${remedy}${instead}`);
  }
}

/** A project's index with the revisions that are left; it remembers the greatest number, which must not be used again. */
function without({ latest, used, restored }: DocumentOf<'project'>, left: DocumentOf<'project'>['revisions']): DocumentOf<'project'> {
  const newest = left.at(-1)?.revision ?? 0;
  const greatest = Math.max(latest, used ?? 0);
  return { latest: newest, revisions: left, ...(restored && { restored }), ...(greatest > newest && { used: greatest }) };
}

function listed(names: readonly string[]): string {
  if (names.length > mostNamed) return `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more`;
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
