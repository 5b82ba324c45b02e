import { sha256 } from '../../model/content-hash.ts';
import { SluiceError } from '../../model/fault.ts';
import { mostRevisionsAsked, type RevisionContent, type RevisionId } from '../../model/manifest.ts';
import { SharedWork } from '../../model/shared-work.ts';
import { revisionName } from '../documents.ts';
import type { Stored } from '../store.ts';
import { DeployedProjects } from './deployed-projects.ts';
import type { Ledger } from './ledger.ts';
import { lostRevision } from './snapshots.ts';

/** Characters of contents that one answer has at most, unless one revision alone has more. */
const mostAnswered = 2 << 20;

/** Reads contents of revisions for servers, as they were written: their hash is then that of what arrives. */
export class RevisionContents {
  readonly #ledger: Ledger;
  /** Reads under way: after a deploy every server asks for the same. */
  readonly #reads = new SharedWork<RevisionContent[]>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Resolves to the contents of the first of these revisions, at least one, in their order. */
  async read(wanted: readonly RevisionId[], environment?: string): Promise<readonly RevisionContent[]> {
    if (wanted.length > mostRevisionsAsked)
      throw new SluiceError('invalid', `more than ${mostRevisionsAsked} revisions are asked for: ask for fewer`);
    if (environment !== undefined) await this.#mustBeDeployed(wanted, environment);
    const names = wanted.map(({ name, revision }) => revisionName(name, revision));
    return this.#reads.share(names.join(' '), () => this.#read(wanted, names));
  }

  async #mustBeDeployed(wanted: readonly RevisionId[], environment: string): Promise<void> {
    const { value } = (await this.#ledger.read({ kind: 'environment', name: environment })).get('environment', environment);
    const deployed = value && (await new DeployedProjects(this.#ledger, environment, value).findAll(wanted.map(({ name }) => name)));
    for (const { name, revision } of wanted) {
      const found = deployed?.get(name);
      if (found?.revision === revision || found?.fallback === revision) continue;
      const message = `revision ${revision} of project "${name}" is not deployed to environment "${environment}": read again what is`;
      throw new SluiceError('not-found', message);
    }
  }

  async #read(wanted: readonly RevisionId[], names: readonly string[]): Promise<RevisionContent[]> {
    const { documents } = await this.#ledger.store.read(names.map((name) => ({ kind: 'revision', name })));
    const found = new Map(documents.map((stored) => [stored.name, stored]));
    const contents: RevisionContent[] = [];
    let size = 0;
    for (const [index, one] of wanted.entries()) {
      const stored = found.get(names[index] as string);
      size += stored?.text.length ?? 0;
      if (size > mostAnswered && contents.length > 0) break;
      contents.push(contentOf(one, stored));
    }
    return contents;
  }
}

function contentOf({ name, revision }: RevisionId, stored: Stored | undefined): RevisionContent {
  if (stored === undefined) return { name, revision, fault: lostRevision };
  try {
    const { project, hash } = JSON.parse(stored.text) as { project: unknown; hash: unknown };
    return { name, revision, hash: sha256.parse(hash), project };
  } catch {
    const fault = `the registry's revision document "${stored.name}" is damaged: push the project and deploy it again, or restore the document`;
    return { name, revision, fault };
  }
}
