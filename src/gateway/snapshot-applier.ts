import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock, Random } from '../model/clock.ts';
import type { ProjectState } from '../model/server.ts';
import type { DeployedProject, Snapshot } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { type CompiledProject, compileProject, type Origin } from './compiled-project.ts';
import { ProjectTable } from './project-table.ts';
import { TargetFailureLog } from './target-failure-log.ts';

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

  constructor(options: { random: Random; logger: Logger; clock: Clock }) {
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

  get running(): SnapshotId | undefined {
    if (this.#running === undefined) return undefined;
    const { epoch, version, hash } = this.#running.snapshot;
    return { epoch, version, hash };
  }

  get states(): readonly ProjectState[] {
    return this.#running?.states ?? [];
  }

  /**
   * Builds the snapshot's table beside the running one, then swaps them. A project that cannot be compiled is rejected with the reason and
   * keeps its previous revision, if it had one in this environment; the other projects go ahead. Never throws.
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
    const kept: CompiledProject[] = [];
    for (const deployed of snapshot.projects) {
      const previous = known.get(deployed.name);
      const result = this.#compile(deployed, origin, previous, projects);
      if ('error' in result) {
        if (previous !== undefined) kept.push(previous);
        states.push({ name: deployed.name, revision: previous?.revision ?? 0, state: 'rejected', error: result.error });
        this.rejections++;
        this.#logger.error(
          { project: deployed.name, revision: deployed.revision, serving: previous?.revision ?? 0, reason: result.error },
          'project rejected',
        );
      } else {
        projects.set(result.project.basePath, result.project);
        states.push({ name: deployed.name, revision: deployed.revision, state: 'active' });
      }
    }
    for (const project of kept) {
      if (!projects.has(project.basePath)) projects.set(project.basePath, project);
      else displace(states, project);
    }
    this.applied++;
    this.#swap({ snapshot, origin, table: new ProjectTable([...projects.values()]), states });
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
    try {
      // The number alone is not enough: a registry restored with older data assigns the same revision numbers again.
      const same = previous?.origin === origin && previous.revision === deployed.revision;
      const project =
        same && isDeepStrictEqual(previous.source, deployed.project)
          ? previous
          : compileProject(deployed, { origin, random: this.#random, previous, failureLog: this.#failureLog });
      const holder = taken.get(project.basePath);
      return holder === undefined ? { project } : { error: `basePath: ${project.basePath} is taken by project ${holder.name}` };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Swaps the running state. Requests in flight end on the old table; upstreams that only the old one used are retired. */
  #swap(next: Running | undefined): void {
    const before = this.#running;
    this.#running = next;
    const used = new Set(upstreamsOf(next));
    for (const upstream of upstreamsOf(before)) if (!used.has(upstream)) upstream.retire();
  }
}

function originOf({ epoch, variables }: Snapshot, before: Origin | undefined): Origin {
  return before?.epoch === epoch && isDeepStrictEqual(before.variables, variables) ? before : { epoch, variables };
}

function upstreamsOf(running: Running | undefined): Upstream[] {
  return running?.table.projects.flatMap((project) => [...project.upstreams.values()]) ?? [];
}

/** Marks a project as not served at all: another project has taken the base path of its previous revision. */
function displace(states: ProjectState[], { name }: CompiledProject): void {
  const index = states.findIndex((state) => state.name === name);
  states[index] = { ...(states[index] as ProjectState), revision: 0 };
}
