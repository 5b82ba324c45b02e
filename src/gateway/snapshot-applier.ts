import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { AddressGuard } from '../model/address-guard.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { ProjectState } from '../model/server.ts';
import type { DeployedProject, Snapshot } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { type CompiledProject, compileProject, type Origin } from './compiled-project.ts';
import { ProjectTable } from './project-table.ts';
import { TargetFailureLog } from './target-failure-log.ts';

/** Maximum length of a reported reason in characters: the registry refuses a longer one. */
const maxReason = 2000;

/** The state that serves requests; replaced as a whole, by one assignment. */
interface Running {
  readonly snapshot: Snapshot;
  readonly origin: Origin;
  readonly table: ProjectTable;
  readonly states: readonly ProjectState[];
}

/** Applies snapshots of the server's environment and holds the projects that it serves. */
export class SnapshotApplier {
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #failureLog: TargetFailureLog;
  /** Snapshots applied so far, and projects in them that were rejected. */
  applied = 0;
  rejections = 0;
  #running: Running | undefined;

  readonly #changed: () => void;
  readonly #guard: AddressGuard | undefined;

  /** @param options.changed called when another snapshot runs, or none */
  constructor(options: { random: Random; logger: Logger; clock: Clock; changed?: () => void; guard?: AddressGuard | undefined }) {
    this.#guard = options.guard;
    this.#changed = options.changed ?? (() => {});
    this.#random = options.random;
    this.#logger = options.logger;
    this.#failureLog = new TargetFailureLog(options);
  }

  /** Undefined until a snapshot is applied, and while the server is in no environment. */
  get table(): ProjectTable | undefined {
    return this.#running?.table;
  }

  get environment(): string | undefined {
    return this.#running?.snapshot.environment;
  }

  /** The snapshot that runs; the fallback of each rejected project is what is served of it. */
  get snapshot(): Snapshot | undefined {
    return this.#running?.snapshot;
  }

  get running(): SnapshotId | undefined {
    if (this.#running === undefined) return undefined;
    const { epoch, version, hash } = this.#running.snapshot;
    return { epoch, version, hash };
  }

  get states(): readonly ProjectState[] {
    return this.#running?.states ?? [];
  }

  /**
   * Builds the snapshot's table beside the running one, then swaps them. A project that cannot be compiled is rejected with the reason; its
   * fallback is served in its stead, or else the revision that this server served before. The other projects go ahead. Never throws.
   * @returns false if this snapshot runs already
   */
  apply(snapshot: Snapshot): boolean {
    const before = this.#running;
    const same = before?.snapshot.environment === snapshot.environment;
    if (same && sameSnapshot(before?.snapshot, snapshot)) return false;
    const known = new Map(same ? before?.table.projects.map((project) => [project.name, project]) : []);
    const origin = originOf(snapshot, before?.origin);
    const states: ProjectState[] = [];
    const projects = new Map<string, CompiledProject>();
    const kept: { readonly index: number; readonly project: CompiledProject }[] = [];
    for (const deployed of snapshot.projects) {
      const previous = known.get(deployed.name);
      const result = this.#compile(deployed, origin, previous, projects);
      if ('error' in result) {
        const project = this.#fallback(deployed, origin, previous);
        if (project !== undefined) kept.push({ index: states.length, project });
        states.push({ name: deployed.name, revision: project?.revision ?? 0, state: 'rejected', error: result.error });
        this.rejections++;
        this.#logger.error(
          { project: deployed.name, revision: deployed.revision, serving: project?.revision ?? 0, reason: result.error },
          'project rejected',
        );
      } else {
        projects.set(result.project.basePath, result.project);
        states.push({ name: deployed.name, revision: deployed.revision, state: 'active' });
      }
    }
    const served = new Map<string, CompiledProject>();
    for (const { index, project } of kept) {
      if (projects.has(project.basePath)) {
        // Another project has taken the base path: this one is not served at all.
        states[index] = { ...(states[index] as ProjectState), revision: 0 };
      } else {
        projects.set(project.basePath, project);
        served.set(project.name, project);
      }
    }
    this.applied++;
    this.#swap({ snapshot: withServed(snapshot, served), origin, table: new ProjectTable([...projects.values()]), states });
    this.#logger.info({ environment: snapshot.environment, version: snapshot.version, projects: projects.size }, 'snapshot applied');
    return true;
  }

  /** Serves nothing from now on, because the server is in no environment. */
  clear(): void {
    this.#swap(undefined);
  }

  #compile(
    deployed: DeployedProject,
    origin: Origin,
    previous: CompiledProject | undefined,
    taken: ReadonlyMap<string, CompiledProject>,
  ): { project: CompiledProject } | { error: string } {
    if (deployed.fault !== undefined) return { error: deployed.fault.slice(0, maxReason) };
    try {
      // The number alone is not enough: a registry restored with older data assigns the same revision numbers again.
      const same = previous?.origin === origin && previous.revision === deployed.revision;
      const project =
        same && isDeepStrictEqual(previous.source, deployed.project)
          ? previous
          : compileProject(deployed, { origin, random: this.#random, previous, failureLog: this.#failureLog, guard: this.#guard });
      const holder = taken.get(project.basePath);
      return holder === undefined ? { project } : { error: `basePath: ${project.basePath} is taken by project ${holder.name}` };
    } catch (error) {
      return { error: (error instanceof Error ? error.message : String(error)).slice(0, maxReason) };
    }
  }

  /** Chooses the revision to serve of a project whose deployed revision was rejected: its fallback, or else the one that this server served before. */
  #fallback(deployed: DeployedProject, origin: Origin, previous: CompiledProject | undefined): CompiledProject | undefined {
    const { name, fallback, fault } = deployed;
    // The deployed revision itself runs here, although its content is lost in the registry.
    const hasIt = fault !== undefined && previous?.revision === deployed.revision && previous.origin.epoch === origin.epoch;
    if (fallback === undefined || hasIt) return previous;
    const { revision, project, variables } = fallback;
    const own = variables === undefined ? origin : previous && originWith(previous.origin, origin.epoch, variables);
    const result = this.#compile(
      { name, revision, project },
      own ?? { epoch: origin.epoch, variables: variables ?? {} },
      previous,
      new Map(),
    );
    return 'error' in result ? previous : result.project;
  }

  /** Swaps the running state. Requests in flight end on the old table; upstreams that only the old one used are retired. */
  #swap(next: Running | undefined): void {
    const before = this.#running;
    this.#running = next;
    const used = new Set(upstreamsOf(next));
    for (const upstream of upstreamsOf(before)) if (!used.has(upstream)) upstream.retire();
    this.#changed();
  }
}

function originOf({ epoch, variables }: Snapshot, before: Origin | undefined): Origin {
  return originWith(before, epoch, variables);
}

/** Returns `before` if it is the same, since projects are compared by the identity of their origin. */
function originWith(before: Origin | undefined, epoch: string, variables: Origin['variables']): Origin {
  return before?.epoch === epoch && isDeepStrictEqual(before.variables, variables) ? before : { epoch, variables };
}

/** The snapshot with what is served of each rejected project as its fallback, so that the same is served after a restart. */
function withServed(snapshot: Snapshot, served: ReadonlyMap<string, CompiledProject>): Snapshot {
  if (served.size === 0) return snapshot;
  const projects = snapshot.projects.map((deployed) => {
    const project = served.get(deployed.name);
    if (project === undefined) return deployed;
    const { revision, source, origin } = project;
    const own = isDeepStrictEqual(origin.variables, snapshot.variables) ? {} : { variables: origin.variables };
    return { ...deployed, fallback: { revision, project: source, ...own } };
  });
  return { ...snapshot, projects };
}

function upstreamsOf(running: Running | undefined): Upstream[] {
  return running?.table.projects.flatMap((project) => [...project.upstreams.values()]) ?? [];
}
