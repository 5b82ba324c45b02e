import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock, Random } from '../model/clock.ts';
import type { ProjectState } from '../model/server.ts';
import type { DeployedProject, Snapshot } from '../model/snapshot.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { Upstream } from '../proxy/upstream.ts';
import { type CompiledProject, compileProject, type Origin } from './compile.ts';
import { ProjectTable } from './project-table.ts';
import { Troubles } from './troubles.ts';

/** What answers requests at a moment: replaced as a whole, by one assignment. */
interface Running {
  readonly snapshot: Snapshot;
  readonly origin: Origin;
  readonly table: ProjectTable;
  readonly states: readonly ProjectState[];
}

/** The projects that this server serves, as its environment's newest snapshot has them. */
export class SnapshotApplier {
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #troubles: Troubles;
  /** Snapshots put into effect so far, and projects in them that could not be. */
  applied = 0;
  rejections = 0;
  #running: Running | undefined;

  constructor(options: { random: Random; logger: Logger; clock: Clock }) {
    this.#random = options.random;
    this.#logger = options.logger;
    this.#troubles = new Troubles(options);
  }

  /** Undefined until a snapshot was applied, and while the server is in no environment. */
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
   * Makes the snapshot's table aside and puts it in place of the present one. A project that cannot be served keeps its
   * earlier revision, if it had one in this environment, and says why; the others go ahead. Never throws.
   * @returns false if that snapshot runs already
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
      const made = this.#compile(deployed, origin, previous, projects);
      if ('error' in made) {
        if (previous !== undefined) kept.push(previous);
        states.push({ name: deployed.name, revision: previous?.revision ?? 0, state: 'rejected', error: made.error });
        this.rejections++;
        this.#logger.error(
          { project: deployed.name, revision: deployed.revision, serving: previous?.revision ?? 0, reason: made.error },
          'project rejected',
        );
      } else {
        projects.set(made.project.basePath, made.project);
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

  /** Serves nothing any more: the server is in no environment. */
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
      // A registry restored with older data gives the number of a revision away a second time.
      const same = previous?.origin === origin && previous.revision === deployed.revision;
      const project =
        same && isDeepStrictEqual(previous.source, deployed.project)
          ? previous
          : compileProject(deployed, { origin, random: this.#random, previous, troubles: this.#troubles });
      const holder = taken.get(project.basePath);
      return holder === undefined ? { project } : { error: `basePath: ${project.basePath} is taken by project ${holder.name}` };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Requests in flight end on the table that they began with; connections that only it used are given up. */
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

/** Its earlier revision's base path belongs to another project by now. */
function displace(states: ProjectState[], { name }: CompiledProject): void {
  const index = states.findIndex((state) => state.name === name);
  states[index] = { ...(states[index] as ProjectState), revision: 0 };
}
