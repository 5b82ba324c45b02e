import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { Pieces } from '../model/pieces.ts';
import type { ProjectState } from '../model/server.ts';
import { type DeployedProject, type ServedSettings, settingsOf } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { Variables } from '../projects/variables.ts';
import type { Candidate } from './candidate.ts';
import { CandidateCompiler, holds } from './candidate-compiler.ts';
import type { CompiledProject } from './compiled-project.ts';
import { ProjectStates } from './project-states.ts';
import type { ProjectTable } from './project-table.ts';
import { contentsOf, incomplete, type SavedChange, type SavedProject, withoutContents } from './saved-project.ts';
import { ServedProjects } from './served-projects.ts';
import type { ReadContents } from './snapshot-log.ts';
import { TargetFailureLog } from './target-failure-log.ts';

/** Dependencies of a {@link SnapshotApplier}. */
export interface ApplierOptions {
  readonly random: Random;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Reads the contents of a revision by its hash, for projects that are compiled again although their deployment has not changed. */
  readonly read?: ReadContents | undefined;
  /** Called when another snapshot runs, or none. */
  readonly changed?: () => void;
  /** Addresses that targets must not have. */
  readonly guard?: AddressGuard | undefined;
}

/** The snapshot that serves requests. */
interface Running extends SnapshotId, ServedSettings {
  readonly environment: string;
  readonly served: ServedProjects;
}

/** Applies snapshots of the server's environment, whole or as updates, and holds the projects that it serves. An update costs what it changes. */
export class SnapshotApplier {
  readonly #options: ApplierOptions;
  readonly #logger: Logger;
  readonly #failureLog: TargetFailureLog;
  readonly #states = new ProjectStates();
  /** Snapshots applied so far, and projects in them that were rejected. */
  applied = 0;
  rejections = 0;
  #running: Running | undefined;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#failureLog = new TargetFailureLog(options);
  }

  /** Undefined until a snapshot is applied, and while the server is in no environment. */
  get table(): ProjectTable | undefined {
    return this.#running?.served.table;
  }

  /** Treatment of field names with underscores by listeners; undefined: dropped. */
  get underscores(): ServedSettings['underscores'] {
    return this.#running?.underscores;
  }

  /** TLS between balancers and servers of the environment; undefined: an older version wrote the environment. */
  get serverTls(): ServedSettings['serverTls'] {
    return this.#running?.serverTls;
  }

  get environment(): string | undefined {
    return this.#running?.environment;
  }

  /** Identity of the snapshot that runs: {@link incomplete} if contents are missing. */
  get running(): SnapshotId | undefined {
    if (this.#running === undefined) return undefined;
    const { epoch, version, hash } = this.#running;
    return { epoch, version, hash };
  }

  /** Number of projects that are deployed here, and of those that were rejected. */
  get counts(): { readonly deployed: number; readonly rejected: number } {
    return { deployed: this.#running?.served.size ?? 0, rejected: this.#states.rejected };
  }

  /** The states to report, sorted by name: of all projects while there are few, else of the rejected ones. */
  get states(): readonly ProjectState[] {
    return this.#running === undefined ? [] : this.#states.report(this.#running.served);
  }

  /** All projects as they were deployed last. Their number may be large. */
  *deployments(): IterableIterator<SavedProject> {
    for (const { given } of this.#running?.served ?? []) yield given;
  }

  /** A project as it was deployed last; undefined if it is not deployed here, or its contents could not be read. */
  deployment(name: string): SavedProject | undefined {
    const candidate = this.#running?.served.get(name);
    return candidate?.unread ? undefined : candidate?.given;
  }

  /** Compiles what an update changes, in pieces, while the running projects serve requests. {@link apply} then has little left to do. */
  *prepare(update: SnapshotUpdate): Pieces<CandidateCompiler> {
    const compiler = this.#compilerOf(update);
    const before = this.#before(update);
    if (before !== undefined && sameSnapshot(before, update)) return compiler;
    for (const given of changesOf(update, before)) yield* compiler.prepare(given, before && servedFor(given, before.served));
    return compiler;
  }

  /**
   * Compiles the projects that changed beside the running ones, then swaps them in one step. A project that cannot be compiled is rejected with
   * the reason; its fallback is served in its stead, or else the revision that this server served before. The other projects go ahead. Never throws.
   *
   * @param compiler a result of {@link prepare} for this update
   * @returns what to save; undefined if the snapshot runs already, or the update starts from another snapshot than the one that runs
   */
  apply(update: SnapshotUpdate, compiler: CandidateCompiler = this.#compilerOf(update)): SavedChange | undefined {
    const { environment, version, variables } = update;
    const before = this.#before(update);
    if (before !== undefined && sameSnapshot(before, update)) return undefined;
    if (update.from !== undefined && !sameSnapshot(before, update.from)) return undefined;
    if (before === undefined) this.clear();
    const served = before?.served ?? new ServedProjects();
    const removed = update.from === undefined ? absent(update.put, served) : update.removed;
    const { changed, affected } = this.#change(served, compiler, changesOf(update, before), removed);
    for (const name of removed) this.#states.accept(name);
    for (const candidate of affected) this.#judge(candidate, served, changed.has(candidate));
    this.applied++;
    const id = served.complete ? idOf(update) : incomplete(update);
    this.#running = { ...id, environment, ...settingsOf(update), served };
    this.#options.changed?.();
    this.#logger.info({ environment, version, projects: served.size, changed: changed.size + removed.length }, 'snapshot applied');
    const put = [...affected].map((candidate) => savedOf(candidate, variables));
    return {
      ...id,
      ...(before && { from: idOf(before) }),
      environment,
      ...settingsOf(update),
      put,
      removed,
      contents: contentsOf(update.put),
    };
  }

  /** Serves nothing from now on, because the server is in no environment. */
  clear(): void {
    this.#running?.served.end();
    const before = this.#running;
    this.#running = undefined;
    this.#states.clear();
    if (before !== undefined) this.#options.changed?.();
  }

  #before({ environment }: SnapshotUpdate): Running | undefined {
    return this.#running?.environment === environment ? this.#running : undefined;
  }

  #compilerOf(update: SnapshotUpdate): CandidateCompiler {
    const { random, guard, read } = this.#options;
    const contents = contentsOf(update.put);
    return new CandidateCompiler(update, {
      random,
      guard,
      failureLog: this.#failureLog,
      *read(hash) {
        return contents.get(hash) ?? (read && (yield* read(hash)));
      },
    });
  }

  #change(
    served: ServedProjects,
    compiler: CandidateCompiler,
    put: readonly SavedProject[],
    removed: readonly string[],
  ): { changed: ReadonlySet<Candidate>; affected: ReadonlySet<Candidate> } {
    const previous = new Map<string, CompiledProject | undefined>();
    const changed = put.map((given) => {
      const had = servedFor(given, served);
      previous.set(given.name, had);
      return compiler.candidate(given, had);
    });
    const affected = served.change(changed, removed, ({ given, deployed }) =>
      compiler.kept(given, previous.has(given.name) ? previous.get(given.name) : deployed),
    );
    return { changed: new Set(changed), affected };
  }

  /** Records whether a candidate is active or rejected. A rejection that is new, or was found again by this update, is counted and logged. */
  #judge(candidate: Candidate, served: ServedProjects, changed: boolean): void {
    const { name, revision } = candidate.given;
    if (served.accepts(candidate)) {
      this.#states.accept(name);
      return;
    }
    const error = candidate.fault ?? `basePath: ${candidate.deployed?.basePath} is taken by project ${served.holderOf(candidate)}`;
    const serving = served.servedOf(candidate)?.revision ?? 0;
    if (!this.#states.reject({ name, revision: serving, state: 'rejected', error }) && !changed) return;
    this.rejections++;
    this.#logger.error({ project: name, revision, serving, reason: error }, 'project rejected');
  }
}

function idOf({ epoch, version, hash }: SnapshotId): SnapshotId {
  return { epoch, version, hash };
}

/** The revision that is served of a deployment, or kept of it. */
function servedFor({ name }: SavedProject, served: ServedProjects): CompiledProject | undefined {
  const candidate = served.get(name);
  return candidate && (served.accepts(candidate) ? candidate.deployed : candidate.kept);
}

/** Names of the projects that a whole update does not have. */
function absent(put: readonly DeployedProject[], served: ServedProjects): string[] {
  const present = new Set(put.map(({ name }) => name));
  return [...served].map(({ given }) => given.name).filter((name) => !present.has(name));
}

/** The projects that have to be compiled: those that the update changes, and those for which changed variables make a difference. */
function changesOf(update: SnapshotUpdate, before: Running | undefined): readonly SavedProject[] {
  const put = update.put.map(withoutContents);
  if (before === undefined) return put;
  const { served } = before;
  if (isDeepStrictEqual(before.variables, update.variables))
    return before.epoch === update.epoch ? put.filter((given) => differs(given, served.get(given.name))) : put;
  if (update.from === undefined) return put;
  const named = new Set([...put.map(({ name }) => name), ...update.removed]);
  const open = (candidate: Candidate) => !served.accepts(candidate) || !holds(update.variables, candidate.deployed?.variables ?? {});
  const others = [...served].filter((candidate) => !named.has(candidate.given.name) && open(candidate));
  return [...put, ...others.map(({ given }) => given)];
}

function differs(given: SavedProject, before: Candidate | undefined): boolean {
  return before === undefined || before.unread || !isDeepStrictEqual(before.given, given);
}

/** The deployment with what is kept of a rejected project as its fallback, so that the same is served after a restart. */
function savedOf({ given, kept }: Candidate, variables: Variables): SavedProject {
  if (kept === undefined) return given;
  const own = holds(variables, kept.variables) ? {} : { variables: kept.variables };
  return { ...given, fallback: { revision: kept.revision, hash: kept.hash, ...own } };
}
