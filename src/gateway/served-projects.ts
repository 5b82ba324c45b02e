import type { Upstream } from '../proxy/upstream.ts';
import { type Candidate, Claims } from './candidate.ts';
import type { CompiledProject, Living } from './compiled-project.ts';
import { ProjectTable } from './project-table.ts';

/**
 * Decides what is served at each base path. A deployed revision has it; if several claim it, that of the first project by name. A path that no
 * deployed revision has goes to the kept revision of a rejected project. A change looks only at the base paths that it touches.
 */
export class ServedProjects {
  readonly table = new ProjectTable();
  readonly #candidates = new Map<string, Candidate>();
  /** Claims of deployed revisions, and of kept ones: a candidate has the second only while its deployed revision is rejected. */
  readonly #deployed = new Claims();
  readonly #kept = new Claims();

  readonly #idle: boolean;
  #unread = 0;

  /** @param idle true: policies and checks do not begin, since no request finds the projects here */
  constructor(idle = false) {
    this.#idle = idle;
  }

  get size(): number {
    return this.#candidates.size;
  }

  /** False while the contents of a candidate could not be read. */
  get complete(): boolean {
    return this.#unread === 0;
  }

  get(name: string): Candidate | undefined {
    return this.#candidates.get(name);
  }

  [Symbol.iterator](): IterableIterator<Candidate> {
    return this.#candidates.values();
  }

  /** True if the deployed revision is what is served. */
  accepts(candidate: Candidate): boolean {
    return candidate.deployed !== undefined && this.#deployed.first(candidate.deployed.basePath) === candidate;
  }

  /** Name of the project that has the base path of a candidate's deployed revision. */
  holderOf({ deployed }: Candidate): string | undefined {
    return deployed && this.#deployed.first(deployed.basePath)?.given.name;
  }

  /** The revision that is served of a candidate; undefined if none is. */
  servedOf(candidate: Candidate): CompiledProject | undefined {
    const own = this.accepts(candidate) ? candidate.deployed : candidate.kept;
    return own !== undefined && this.table.at(own.basePath) === own ? own : undefined;
  }

  /**
   * Puts and removes candidates in one step. Requests in flight end on what they found; upstreams that are used no more are retired.
   *
   * @param keep returns what to keep of a candidate whose deployed revision compiled but is rejected, since another has its base path
   * @returns the candidates for which anything may have changed
   */
  change(
    put: readonly Candidate[],
    removed: readonly string[],
    keep: (candidate: Candidate) => CompiledProject | undefined,
  ): ReadonlySet<Candidate> {
    const paths = new Set<string>();
    for (const name of removed) this.#withdraw(name, paths);
    for (const { given } of put) this.#withdraw(given.name, paths);
    for (const candidate of put) {
      this.#candidates.set(candidate.given.name, candidate);
      if (candidate.unread) this.#unread++;
      if (candidate.deployed !== undefined) claim(this.#deployed, candidate.deployed, candidate, paths);
    }
    const affected = new Set(put);
    for (const path of paths) for (const candidate of this.#deployed.of(path)) affected.add(candidate);
    for (const candidate of affected) this.#keepIfRejected(candidate, keep, paths);
    for (const path of paths) for (const candidate of this.#kept.of(path)) affected.add(candidate);
    this.#serve(paths);
    return affected;
  }

  /** Retires every upstream, and ends every policy. */
  end(): void {
    for (const { upstreams, living } of this.table.projects) {
      for (const upstream of upstreams.values()) upstream.retire();
      for (const policy of living) policy.end?.();
    }
  }

  #withdraw(name: string, paths: Set<string>): void {
    const candidate = this.#candidates.get(name);
    if (candidate === undefined) return;
    const { deployed, kept, unread } = candidate;
    if (unread) this.#unread--;
    if (deployed !== undefined) disclaim(this.#deployed, deployed, candidate, paths);
    if (kept !== undefined) disclaim(this.#kept, kept, candidate, paths);
    this.#candidates.delete(name);
  }

  #keepIfRejected(candidate: Candidate, keep: (candidate: Candidate) => CompiledProject | undefined, paths: Set<string>): void {
    if (this.accepts(candidate)) {
      if (candidate.kept !== undefined) disclaim(this.#kept, candidate.kept, candidate, paths);
      candidate.kept = undefined;
    } else {
      if (candidate.deployed !== undefined) candidate.kept ??= keep(candidate);
      if (candidate.kept !== undefined) claim(this.#kept, candidate.kept, candidate, paths);
    }
  }

  #serve(paths: ReadonlySet<string>): void {
    const gone: CompiledProject[] = [];
    const used = new Set<Upstream>();
    const living = new Set<Living>();
    for (const path of paths) {
      const before = this.table.at(path);
      const next = this.#deployed.first(path)?.deployed ?? this.#kept.first(path)?.kept;
      if (before === next) continue;
      if (before !== undefined) gone.push(before);
      if (next === undefined) this.table.delete(path);
      else {
        this.table.set(next);
        for (const upstream of next.upstreams.values()) used.add(upstream);
        for (const policy of next.living) living.add(policy);
      }
    }
    // New policies begin before old ones end, so that they take over what both keep by their place.
    if (!this.#idle) for (const policy of living) policy.begin?.();
    for (const { upstreams, living: ending } of gone) {
      for (const upstream of upstreams.values()) if (!used.has(upstream)) upstream.retire();
      for (const policy of ending) if (!living.has(policy)) policy.end?.();
    }
    // A kept revision that lost its base path to another project may have it again.
    for (const upstream of used) upstream.revive();
  }
}

function claim(claims: Claims, { basePath }: CompiledProject, candidate: Candidate, paths: Set<string>): void {
  claims.add(basePath, candidate);
  paths.add(basePath);
}

function disclaim(claims: Claims, { basePath }: CompiledProject, candidate: Candidate, paths: Set<string>): void {
  claims.remove(basePath, candidate);
  paths.add(basePath);
}
