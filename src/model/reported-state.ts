import type { ManifestEntry } from './manifest.ts';
import type { ProjectState } from './server.ts';
import type { SnapshotId } from './snapshot-id.ts';

/** A server's report of its snapshot. */
export interface Report {
  readonly running?: SnapshotId | null | undefined;
  readonly projects: readonly ProjectState[];
}

/** A deployment whose state on a server is wanted. */
export interface DeploymentId extends Pick<ManifestEntry, 'name' | 'revision'> {
  readonly since?: number | undefined;
  readonly epoch: string;
}

/**
 * State of a deployment on a server; undefined if the server has not reported any. A server with many projects reports only those that it rejects:
 * every other one is active there once the server runs the version that deployed it, or a later one.
 */
export function reportedState({ running, projects }: Report, { name, revision, since, epoch }: DeploymentId): ProjectState | undefined {
  const own = projects.find((project) => project.name === name);
  if (own !== undefined) return own;
  const runs = since !== undefined && running?.epoch === epoch && running.version >= since;
  return runs ? { name, revision, state: 'active' } : undefined;
}
