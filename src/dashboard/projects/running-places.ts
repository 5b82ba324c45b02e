import type { DeploymentSummary } from './deployment-summary.ts';
import { describeRejected, runningState } from './deployment-summary.ts';

/** An environment in which a revision runs or should run. */
export interface RunningPlace {
  readonly environment: string;
  /** Qualifies that the revision runs there; empty if it does on all servers. */
  readonly note: string;
  readonly bad: boolean;
}

/** A deployment with its environment. */
export interface Placement {
  readonly environment: string;
  readonly deployment: DeploymentSummary;
}

/** Finds where each revision of a project runs, by what the servers report: also one that is no longer deployed, if servers rejected the new one. */
export function runningPlaces(placements: readonly Placement[]): ReadonlyMap<number, readonly RunningPlace[]> {
  const places = new Map<number, RunningPlace[]>();
  const add = (revision: number, place: RunningPlace) => places.set(revision, [...(places.get(revision) ?? []), place]);
  for (const { environment, deployment } of placements) {
    const state = runningState(environment, deployment);
    const rejection = describeRejected(state)?.rejection;
    const elsewhere = [...state.others.values()].reduce((sum, count) => sum + count, 0);
    const loading = elsewhere > 0 ? `on ${state.servers - elsewhere} of ${state.servers}` : '';
    add(deployment.revision, {
      environment,
      note: rejection ?? (state.served ? loading : 'no servers'),
      bad: rejection !== undefined,
    });
    for (const [revision, count] of state.others) {
      if (revision !== 0) add(revision, { environment, note: `on ${count} of ${state.servers}${rejection ? ' instead' : ''}`, bad: false });
    }
  }
  return places;
}
