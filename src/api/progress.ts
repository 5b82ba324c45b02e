import { reportedState } from '../model/reported-state.ts';
import type { ServerSource } from '../model/server.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { DeploymentsAnswer, ServerAnswer } from './answers.ts';

/** The progress of one server with one deployment. */
export type Progress = DeploymentsAnswer['deployments'][number]['servers'][number];

/** The parts of a server's record that tell its progress. */
export interface ReportedState {
  readonly id: string;
  readonly source: ServerSource;
  /** True if its lease expired. */
  readonly lost: boolean;
  readonly running?: SnapshotId | null | undefined;
  readonly projects: Readonly<ServerAnswer['projects']>;
}

/** The parts of a deployment that tell a server's progress with it. */
export type WantedDeployment = Pick<DeploymentsAnswer['deployments'][number], 'project' | 'revision' | 'since'>;

/** Returns a server's progress with a deployment of the environment's current snapshot `wanted`. */
export function progressOf(server: ReportedState, { project, revision, since }: WantedDeployment, wanted: SnapshotId): Progress {
  const { id, running } = server;
  const own = reportedState(server, { name: project, revision, since, epoch: wanted.epoch });
  const present = own?.revision ?? 0;
  const unreported = stateWithoutReports(server);
  if (unreported) return { id, state: unreported, revision: present };
  if (own?.state === 'active' && present === revision) return { id, state: 'active', revision: present };
  // A rejection of an earlier snapshot is ignored: the current one may be accepted.
  if (own?.state === 'rejected' && sameSnapshot(running, wanted)) {
    return { id, state: 'rejected', revision: present, ...(own.error !== undefined && { error: own.error }) };
  }
  return { id, state: 'pending', revision: present };
}

/** Returns the state of a server that does not report what it runs; undefined for a server that does. */
export function stateWithoutReports({ lost, source }: Pick<ReportedState, 'lost' | 'source'>): 'lost' | 'unreported' | undefined {
  if (lost) return 'lost';
  return source === 'join' ? undefined : 'unreported';
}
