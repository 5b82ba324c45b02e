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

/** Characters of texts that are kept with the facts about them. */
const mostKept = 16 << 20;

interface Kept {
  readonly text: string;
  readonly facts: DeployableRevision;
}

/**
 * Finds out whether revisions can be deployed. What was found about a text is kept, since a revision is often deployed again; a large one is read by
 * another process, if there is one for that.
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
    const reading = await this.#ledger.store.read([{ kind: 'revision', name }]);
    const text = reading.documents[0]?.text ?? '';
    const id = `${name} ${JSON.stringify(variables)}`;
    const kept = this.#kept.get(id);
    // The whole text is compared: after the loss of data, another revision may have the same number.
    if (kept?.text === text) return kept.facts;
    const facts = (await this.#elsewhere(text, variables)) ?? (await this.#here(name, reading, variables));
    if (facts !== undefined) this.#kept.put(id, { text, facts }, id.length + text.length + JSON.stringify(facts).length);
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
