import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { LimitStore } from '../limits/limit-store.ts';
import { Limits } from '../limits/limits.ts';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { ProjectState } from '../model/server.ts';
import { type DeployedProject, type ServedSettings, settingsOf } from '../model/snapshot.ts';
import { idOf, type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../model/snapshot-update.ts';
import type { Caches } from '../policies/cache/caches.ts';
import type { Callers } from '../policies/callers.ts';
import type { Lines, PolicyServices } from '../policies/contract.ts';
import type { Variables } from '../projects/variables.ts';
import type { Candidate } from './candidate.ts';
import { CandidateCompiler, holds } from './candidate-compiler.ts';
import type { CompiledProject } from './compiled-project.ts';
import { policyServicesOf } from './policy-services.ts';
import { ProjectStates } from './project-states.ts';
import type { ProjectTable } from './project-table.ts';
import { RecentConsumers } from './recent-consumers.ts';
import { contentsInPieces, incomplete, type SavedChange, type SavedProject, withoutContents } from './saved-project.ts';
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
  /** Takes lines that policies log; default: they are dropped. */
  readonly lines?: Lines | undefined;
  /** Called when another snapshot runs, or none. */
  readonly changed?: () => void;
  /** Consumers and products; default: none. */
  readonly callers?: Callers;
  /** Gets the caches that answer requests; default: no purge reaches them. */
  readonly caches?: Caches;
  /** Addresses that targets must not have. */
  readonly guard?: AddressGuard | undefined;
  /** True: other processes serve what is applied here, which begins nothing, such as health checks. */
  readonly idle?: boolean;
  /** Id of the server, and the store of the limits that it shares with others. Default: its limits are its own. */
  readonly sharing?: { readonly id: string; readonly store: LimitStore | undefined } | undefined;
}

/** Projects that are put among those that are served in one piece, while no request can find them yet. */
const fewProjects = 20;

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
  readonly #services: PolicyServices;
  readonly #recent = new RecentConsumers();
  /** Limits of all projects. */
  readonly limits: Limits;
  #states = new ProjectStates();
  /** Snapshots applied so far, and projects in them that were rejected. */
  applied = 0;
  rejections = 0;
  #running: Running | undefined;
  /** Number of times that another snapshot, or none, has come to run. */
  #changes = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#failureLog = new TargetFailureLog(options);
    const { logger, clock, random, sharing } = options;
    const environment = () => this.environment;
    this.limits = new Limits({ logger, clock, random, environment, gateway: sharing?.id ?? '', store: sharing?.store });
    this.#services = policyServicesOf({ ...options, limits: this.limits });
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

  /** Compiles what an update changes, in pieces, while the running projects serve requests. {@link applying} then has little left to do. */
  *prepare(update: SnapshotUpdate): Pieces<CandidateCompiler> {
    const compiler = yield* this.#compilerOf(update);
    const before = this.#before(update);
    if (before !== undefined && sameSnapshot(before, update)) return compiler;
    for (const given of yield* changesOf(update, before)) yield* compiler.prepare(given, before && servedFor(given, before.served));
    return compiler;
  }

  /** Does all pieces of {@link applying} at once. */
  apply(update: SnapshotUpdate, prepared?: CandidateCompiler): SavedChange | undefined {
    return atOnce(this.applying(update, prepared));
  }

  /**
   * Compiles the projects that changed beside the running ones, in pieces, then swaps them in one step. A project that cannot be compiled is rejected with
   * the reason; its fallback is served in its stead, or else the revision that this server served before. The other projects go ahead. Never throws.
   *
   * @param prepared a result of {@link prepare} for this update
   * @returns what to save; undefined if the snapshot runs already, or the update starts from another snapshot than the one that runs, or another snapshot,
   *   or none, has come to run between two pieces
   */
  *applying(update: SnapshotUpdate, prepared?: CandidateCompiler): Pieces<SavedChange | undefined> {
    const { environment, version, variables } = update;
    const before = this.#before(update);
    if (before !== undefined && sameSnapshot(before, update)) return undefined;
    if (update.from !== undefined && !sameSnapshot(before, update.from)) return undefined;
    const changes = this.#changes;
    const compiler = prepared ?? (yield* this.#compilerOf(update));
    const served = before?.served ?? new ServedProjects(this.#options.idle);
    const states = before === undefined ? new ProjectStates() : this.#states;
    const removed = update.from === undefined ? absent(update.put, served) : update.removed;
    const contents = yield* contentsInPieces(update.put);
    const next = yield* nextOf(served, compiler, yield* changesOf(update, before));
    if (this.#changes !== changes) return undefined;
    // Projects that requests can find change in one step; those that none can find yet grow in pieces.
    const affected = before === undefined ? yield* grow(served, next) : served.change([...next.changed], removed, next.keep);
    for (const name of removed) states.accept(name);
    const put: SavedProject[] = [];
    for (const candidate of affected) {
      this.#judge(candidate, { served, states, changed: next.changed.has(candidate) });
      put.push(savedOf(candidate, variables));
      if (before === undefined) yield;
    }
    if (this.#changes !== changes) {
      if (before === undefined) served.end();
      return undefined;
    }
    if (before === undefined) this.#running?.served.end();
    const id = served.complete ? idOf(update) : incomplete(update);
    this.#running = { ...id, environment, ...settingsOf(update), served };
    this.#states = states;
    this.applied++;
    this.#changes++;
    this.#options.changed?.();
    this.#logger.info({ environment, version, projects: served.size, changed: next.changed.size + removed.length }, 'snapshot applied');
    return { ...id, ...(before && { from: idOf(before) }), environment, ...settingsOf(update), put, removed, contents };
  }

  /** Serves nothing from now on, because the server is in no environment. */
  clear(): void {
    this.#running?.served.end();
    const before = this.#running;
    this.#running = undefined;
    this.#states.clear();
    this.#changes++;
    if (before !== undefined) this.#options.changed?.();
  }

  #before({ environment }: SnapshotUpdate): Running | undefined {
    return this.#running?.environment === environment ? this.#running : undefined;
  }

  *#compilerOf(update: SnapshotUpdate): Pieces<CandidateCompiler> {
    const { guard, read } = this.#options;
    const contents = yield* contentsInPieces(update.put);
    return new CandidateCompiler(update, {
      guard,
      services: this.#services,
      failureLog: this.#failureLog,
      recent: this.#recent,
      *read(hash) {
        return contents.get(hash) ?? (read && (yield* read(hash)));
      },
    });
  }

  /** Records whether a candidate is active or rejected. A rejection that is new, or was found again by this update, is counted and logged. */
  #judge(candidate: Candidate, { served, states, changed }: Judged): void {
    const { name, revision } = candidate.given;
    if (served.accepts(candidate)) {
      states.accept(name);
      return;
    }
    const error = candidate.fault ?? `basePath: ${candidate.deployed?.basePath} is taken by project ${served.holderOf(candidate)}`;
    const serving = served.servedOf(candidate)?.revision ?? 0;
    if (!states.reject({ name, revision: serving, state: 'rejected', error }) && !changed) return;
    this.rejections++;
    this.#logger.error({ project: name, revision, serving, reason: error }, 'project rejected');
  }
}

/** Facts by which a candidate is judged. */
interface Judged {
  readonly served: ServedProjects;
  readonly states: ProjectStates;
  /** True if the update changes the candidate itself. */
  readonly changed: boolean;
}

/** Candidates that an update puts, and what to keep of one that is rejected although it compiled. */
interface Next {
  readonly changed: ReadonlySet<Candidate>;
  readonly keep: (candidate: Candidate) => CompiledProject | undefined;
}

function* nextOf(served: ServedProjects, compiler: CandidateCompiler, put: readonly SavedProject[]): Pieces<Next> {
  const previous = new Map<string, CompiledProject | undefined>();
  const changed = new Set<Candidate>();
  for (const given of put) {
    const had = servedFor(given, served);
    previous.set(given.name, had);
    changed.add(compiler.candidate(given, had));
    yield;
  }
  return {
    changed,
    keep: ({ given, deployed }) => compiler.kept(given, previous.has(given.name) ? previous.get(given.name) : deployed),
  };
}

/** Puts candidates among projects that no request can find yet; returns those for which anything may have changed. */
function* grow(served: ServedProjects, { changed, keep }: Next): Pieces<ReadonlySet<Candidate>> {
  const all = [...changed];
  const affected = new Set<Candidate>();
  for (let start = 0; start < all.length; start += fewProjects) {
    for (const candidate of served.change(all.slice(start, start + fewProjects), [], keep)) affected.add(candidate);
    yield;
  }
  return affected;
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
function* changesOf(update: SnapshotUpdate, before: Running | undefined): Pieces<readonly SavedProject[]> {
  const sameVariables = before !== undefined && isDeepStrictEqual(before.variables, update.variables);
  const put: SavedProject[] = [];
  for (const one of update.put) {
    const given = withoutContents(one);
    if (!sameVariables || before.epoch !== update.epoch || differs(given, before.served.get(given.name))) put.push(given);
    yield;
  }
  if (before === undefined || sameVariables) return put;
  const { served } = before;
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
