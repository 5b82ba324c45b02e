import type { CompiledProject } from './compiled-project.ts';
import type { SavedProject } from './saved-project.ts';

/** A deployed project with everything that may be served of it. */
export interface Candidate {
  /** Deployment as the registry gave it. */
  readonly given: SavedProject;
  /** The deployed revision; undefined if it could not be compiled. */
  readonly deployed: CompiledProject | undefined;
  /** Why the deployed revision could not be compiled. */
  readonly fault: string | undefined;
  /** True if its contents could not be read from disk. */
  readonly unread: boolean;
  /** The revision to serve while the deployed one is rejected; undefined if there is none, or none is needed. */
  kept: CompiledProject | undefined;
}

/** Candidates by the base paths that they claim. If several claim the same one, the first by name has it. */
export class Claims {
  readonly #byPath = new Map<string, Candidate[]>();

  /** The candidates that claim a base path, sorted by name. */
  of(basePath: string): readonly Candidate[] {
    return this.#byPath.get(basePath) ?? [];
  }

  first(basePath: string): Candidate | undefined {
    return this.#byPath.get(basePath)?.[0];
  }

  add(basePath: string, candidate: Candidate): void {
    const claimants = this.#byPath.get(basePath);
    if (claimants === undefined) this.#byPath.set(basePath, [candidate]);
    else if (!claimants.includes(candidate)) {
      const after = claimants.findIndex(({ given }) => given.name > candidate.given.name);
      claimants.splice(after === -1 ? claimants.length : after, 0, candidate);
    }
  }

  remove(basePath: string, candidate: Candidate): void {
    const claimants = this.#byPath.get(basePath);
    const index = claimants?.indexOf(candidate) ?? -1;
    if (claimants === undefined || index === -1) return;
    if (claimants.length === 1) this.#byPath.delete(basePath);
    else claimants.splice(index, 1);
  }
}
