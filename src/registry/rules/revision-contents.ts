import type { Clock, Timer } from '../../model/clock.ts';
import { sha256 } from '../../model/content-hash.ts';
import { SluiceError } from '../../model/fault.ts';
import { type ManifestEntry, mostRevisionsAsked, type RevisionContent, type RevisionId } from '../../model/manifest.ts';
import { parsePieces, shortText } from '../../model/parse-pieces.ts';
import { atOnce, inTurns, type Pieces } from '../../model/pieces.ts';
import { SharedWork } from '../../model/shared-work.ts';
import { type EnvironmentDocument, revisionName } from '../documents.ts';
import { noteText } from '../shared-texts.ts';
import type { Stored } from '../store.ts';
import { DeployedProjects, entryOf } from './deployed-projects.ts';
import type { Ledger } from './ledger.ts';
import { RecentlyUsed } from './recently-used.ts';
import { lostRevision, type Snapshots } from './snapshots.ts';

/** Characters of contents that one answer has at most, unless one revision alone has more. */
const mostAnswered = 2 << 20;

/** Characters of contents that are kept for other servers, and the milliseconds without use after which none is. */
const mostKept = 16 << 20;
const keptMs = 60_000;

/** Contents as they were read. */
interface Kept {
  readonly epoch: string;
  /** Revision of the document. */
  readonly known: number;
  readonly length: number;
  readonly content: RevisionContent;
}

/**
 * Reads contents of revisions for servers, as they were written: their hash is then that of what arrives. Contents that are read for servers of an
 * environment are kept for the others, which ask for the same when they start together; the store still says whether they are there.
 */
export class RevisionContents {
  readonly #ledger: Ledger;
  readonly #snapshots: Pick<Snapshots, 'latest'>;
  readonly #clock: Clock;
  /** Reads under way: after a deploy every server asks for the same. */
  readonly #reads = new SharedWork<RevisionContent[]>();
  readonly #kept = new RecentlyUsed<Kept>(mostKept);
  #usedAt = 0;
  #expiry: Timer | undefined;

  constructor(ledger: Ledger, snapshots: Pick<Snapshots, 'latest'>, clock: Clock) {
    this.#ledger = ledger;
    this.#snapshots = snapshots;
    this.#clock = clock;
  }

  /** Resolves to the contents of the first of these revisions, at least one, in their order. */
  async read(wanted: readonly RevisionId[], environment?: string): Promise<readonly RevisionContent[]> {
    if (wanted.length > mostRevisionsAsked)
      throw new SluiceError('invalid', `more than ${mostRevisionsAsked} revisions are asked for: ask for fewer`);
    // A server that reads for itself alone asks once.
    const shared = environment !== undefined;
    if (shared) await this.#mustBeDeployed(wanted, environment);
    const names = wanted.map(({ name, revision }) => revisionName(name, revision));
    const hashes = wanted.map(({ hash = '' }) => hash);
    return this.#reads.share(`${shared} ${names.join(' ')} ${hashes.join(' ')}`, () => this.#read(wanted, names, shared));
  }

  async #mustBeDeployed(wanted: readonly RevisionId[], environment: string): Promise<void> {
    const reading = await this.#ledger.read({ kind: 'environment', name: environment });
    const { value } = reading.get('environment', environment);
    const entries = value && this.#snapshots.latest(environment, reading.epoch, value);
    const deployed = value && !entries ? await this.#deployments(wanted, environment, value) : undefined;
    for (const { name, revision } of wanted) {
      const found = entries?.get(name) ?? deployed?.get(name);
      if (found?.revision === revision || found?.fallback?.revision === revision) continue;
      const message = `revision ${revision} of project "${name}" is not deployed to environment "${environment}": read again what is`;
      throw new SluiceError('not-found', message);
    }
  }

  async #deployments(
    wanted: readonly RevisionId[],
    environment: string,
    document: EnvironmentDocument,
  ): Promise<ReadonlyMap<string, ManifestEntry>> {
    const found = await new DeployedProjects(this.#ledger, environment, document).findAll(wanted.map(({ name }) => name));
    return new Map([...found].map(([name, deployment]) => [name, entryOf(deployment)]));
  }

  async #read(wanted: readonly RevisionId[], names: readonly string[], shared: boolean): Promise<RevisionContent[]> {
    const kept = new Map(shared ? wanted.map((one, index) => [names[index], this.#keptFor(one)]) : []);
    const { epoch, documents } = await this.#ledger.store.read(
      names.map((name) => ({ kind: 'revision', name, known: kept.get(name)?.known })),
    );
    // Numbers begin anew with another epoch.
    if (documents.some(({ name }) => (kept.get(name)?.epoch ?? epoch) !== epoch)) {
      for (const name of names) this.#kept.drop(name);
      return this.#read(wanted, names, shared);
    }
    const found = new Map(documents.map((stored) => [stored.name, stored]));
    const contents: RevisionContent[] = [];
    let size = 0;
    for (const [index, one] of wanted.entries()) {
      const name = names[index] as string;
      const stored = found.get(name);
      const known = stored !== undefined && stored.revision === kept.get(name)?.known ? kept.get(name) : undefined;
      const length = known?.length ?? stored?.text.length ?? 0;
      size += length;
      if (size > mostAnswered && contents.length > 0) break;
      const content = known?.content ?? (await contentOf(one, stored));
      contents.push(content);
      if (shared && known === undefined && stored !== undefined && content.fault === undefined)
        this.#kept.put(name, { epoch, known: stored.revision, length, content }, length);
    }
    if (shared) this.#used();
    return contents;
  }

  /** The contents with the hash that is wanted: after the loss of data, another revision may have the same number. */
  #keptFor({ name, revision, hash }: RevisionId): Kept | undefined {
    const kept = this.#kept.get(revisionName(name, revision));
    return hash === undefined || kept?.content.hash === hash ? kept : undefined;
  }

  #used(): void {
    this.#usedAt = this.#clock.now();
    this.#expiry ??= this.#clock.after(keptMs, () => this.#expire());
  }

  #expire(): void {
    const restMs = this.#usedAt + keptMs - this.#clock.now();
    if (restMs <= 0) this.#kept.clear();
    this.#expiry = restMs <= 0 ? undefined : this.#clock.after(restMs, () => this.#expire());
  }
}

/** The text of a revision, as {@link Projects.push} writes it. */
const written = /^\{"project":(\{.+\}),"hash":"([0-9a-f]{64})","createdAt":\d+\}$/s;

function contentOf(id: RevisionId, stored: Stored | undefined): RevisionContent | Promise<RevisionContent> {
  const [, json, hash] = (stored?.verified && written.exec(stored.text)) || [];
  if (json !== undefined && hash !== undefined) return unparsed(id, json, hash);
  const reading = readContent(id, stored);
  return stored !== undefined && stored.text.length > shortText ? inTurns(reading) : atOnce(reading);
}

function* readContent({ name, revision }: RevisionId, stored: Stored | undefined): Pieces<RevisionContent> {
  if (stored === undefined) return { name, revision, fault: lostRevision };
  try {
    const { project, hash } = (yield* parsePieces(stored.text)) as { project: unknown; hash: unknown };
    return { name, revision, hash: sha256.parse(hash), project };
  } catch {
    const fault = `the registry's revision document "${stored.name}" is damaged: push the project and deploy it again, or restore the document`;
    return { name, revision, fault };
  }
}

/** Contents that are sent as they were stored. They are parsed only if this process reads them itself. */
function unparsed({ name, revision }: RevisionId, json: string, hash: string): RevisionContent {
  let project: unknown;
  const content = {
    name,
    revision,
    hash,
    get project() {
      project ??= JSON.parse(json);
      return project;
    },
  };
  noteText(content, `{"name":${JSON.stringify(name)},"revision":${revision},"hash":"${hash}","project":${json}}`);
  return content;
}
