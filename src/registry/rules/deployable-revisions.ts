import type { Fault } from '../../model/fault.ts';
import { atOnce, inTurns } from '../../model/pieces.ts';
import { faultsIn } from '../../projects/project-plan.ts';
import type { Variables } from '../../projects/variables.ts';
import { documentSchemas, revisionName } from '../documents.ts';
import type { Reading } from '../store.ts';
import { type Ledger, largeText } from './ledger.ts';
import { RecentlyUsed } from './recently-used.ts';

/** The facts about a revision that deploying it needs: whether servers of an environment could serve it, and under which path. */
export interface DeployableRevision {
  readonly basePath: string;
  readonly hash: string;
  readonly faults: readonly Fault[];
}

/** Examines the document of a large revision in another process. Rejects, for any reason, if the revision must be examined in this one. */
export type RevisionExaminer = (text: string, variables: Variables) => Promise<DeployableRevision>;

/** Examines the document of a revision. Throws if it is damaged. */
export function examineRevision(text: string, variables: Variables): DeployableRevision {
  const { project, hash } = documentSchemas.revision.parse(JSON.parse(text));
  return { basePath: project.basePath, hash, faults: atOnce(faultsIn(project, variables)) };
}

/** Characters of facts that are kept, with those of their names. */
const mostKept = 1 << 20;

interface Kept {
  readonly epoch: string;
  /** Revision number of the document. */
  readonly known: number;
  readonly facts: DeployableRevision;
}

/**
 * Finds out whether revisions can be deployed. What was found is kept, since a revision is often deployed to several environments, or again; a large one
 * is read by another process, if there is one for that.
 */
export class DeployableRevisions {
  readonly #ledger: Ledger;
  readonly #examiner: RevisionExaminer | undefined;
  readonly #kept = new RecentlyUsed<Kept>(mostKept);

  constructor(ledger: Ledger, examiner?: RevisionExaminer) {
    this.#ledger = ledger;
    this.#examiner = examiner;
  }

  /** Resolves to the facts; undefined if there is no such revision. Rejects with `internal` if its document is damaged. */
  async find(project: string, revision: number, variables: Variables): Promise<DeployableRevision | undefined> {
    const name = revisionName(project, revision);
    const id = `${name} ${JSON.stringify(variables)}`;
    const kept = this.#kept.get(id);
    const reading = await this.#ledger.store.read([{ kind: 'revision', name, known: kept?.known }]);
    const { epoch } = reading;
    const stored = reading.documents[0];
    if (kept !== undefined && kept.known === stored?.revision) {
      if (kept.epoch === epoch) return kept.facts;
      // Numbers begin anew with another epoch.
      this.#kept.drop(id);
      return this.find(project, revision, variables);
    }
    const facts = (await this.#elsewhere(stored?.text ?? '', variables)) ?? (await this.#here(name, reading, variables));
    if (facts === undefined || stored === undefined) return facts;
    this.#kept.put(id, { epoch, known: stored.revision, facts }, id.length + JSON.stringify(facts).length);
    return facts;
  }

  async #elsewhere(text: string, variables: Variables): Promise<DeployableRevision | undefined> {
    return text.length < largeText ? undefined : this.#examiner?.(text, variables).catch(() => undefined);
  }

  async #here(name: string, reading: Reading, variables: Variables): Promise<DeployableRevision | undefined> {
    const { value } = (await this.#ledger.check(reading, { kind: 'revision', name })).get('revision', name);
    if (value === undefined) return undefined;
    const { project, hash } = value;
    return { basePath: project.basePath, hash, faults: await inTurns(faultsIn(project, variables)) };
  }
}
