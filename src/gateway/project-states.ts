import type { ProjectState } from '../model/server.ts';

/** Up to this number of projects, the state of each is reported, as versions before this one expect it. */
const mostReported = 64;

/** States of the deployed projects. Only rejected ones are remembered, so that a report at rest does not cost more the more is deployed. */
export class ProjectStates {
  readonly #rejected = new Map<string, ProjectState>();
  #reported: readonly ProjectState[] | undefined;

  /** Number of rejected projects. */
  get rejected(): number {
    return this.#rejected.size;
  }

  /** Records that a project is rejected. Returns false if the same was known already. */
  reject(state: ProjectState): boolean {
    const before = this.#rejected.get(state.name);
    this.#rejected.set(state.name, state);
    this.#reported = undefined;
    return before?.error !== state.error || before?.revision !== state.revision;
  }

  /** Records that a project is active, or no longer deployed. */
  accept(name: string): void {
    this.#rejected.delete(name);
    this.#reported = undefined;
  }

  clear(): void {
    this.#rejected.clear();
    this.#reported = undefined;
  }

  /**
   * The states to report, sorted by name: of all projects while there are few, else of the rejected ones.
   *
   * @param deployed all projects that are deployed, of which there are `size`
   */
  report(
    deployed: Iterable<{ readonly given: { readonly name: string; readonly revision: number } }> & { readonly size: number },
  ): readonly ProjectState[] {
    this.#reported ??=
      deployed.size > mostReported ? sorted([...this.#rejected.values()]) : sorted([...deployed].map(({ given }) => this.#stateOf(given)));
    return this.#reported;
  }

  #stateOf({ name, revision }: { readonly name: string; readonly revision: number }): ProjectState {
    return this.#rejected.get(name) ?? { name, revision, state: 'active' };
  }
}

function sorted(states: ProjectState[]): readonly ProjectState[] {
  return states.sort((one, other) => (one.name < other.name ? -1 : 1));
}
