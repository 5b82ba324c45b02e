import type { ServerSource } from '../model/server.ts';
import { type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import type { DeploymentsAnswer, ServerAnswer } from './answers.ts';

/** How far one server is with one deployment. */
export type Progress = DeploymentsAnswer['deployments'][number]['servers'][number];

/** What a server says of itself. */
export interface Report {
  readonly id: string;
  readonly source: ServerSource;
  /** Its lease ended without a word. */
  readonly lost: boolean;
  readonly running?: SnapshotId | null | undefined;
  readonly projects: Readonly<ServerAnswer['projects']>;
}

/** How far a server is with `revision` of a project, as deployed by the snapshot that is wanted. */
export function progressOf(report: Report, project: string, revision: number, wanted: SnapshotId): Progress {
  const { id, running } = report;
  const own = report.projects.find(({ name }) => name === project);
  const present = own?.revision ?? 0;
  const silent = silence(report);
  if (silent) return { id, state: silent, revision: present };
  if (own?.state === 'active' && present === revision) return { id, state: 'active', revision: present };
  // A rejection counts only for the snapshot that is wanted now: the next one may be fine.
  if (own?.state === 'rejected' && sameSnapshot(running, wanted)) {
    return { id, state: 'rejected', revision: present, ...(own.error !== undefined && { error: own.error }) };
  }
  return { id, state: 'pending', revision: present };
}

/** Why nothing is to be heard from it, if so. */
export function silence({ lost, source }: Pick<Report, 'lost' | 'source'>): 'lost' | 'unreported' | undefined {
  if (lost) return 'lost';
  return source === 'http' ? 'unreported' : undefined;
}
