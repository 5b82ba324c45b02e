import type { DeploymentsAnswer, DeploymentsSummary } from '../../api/answers.ts';
import { progressOf, stateWithoutReports } from '../../api/progress.ts';
import type { LiveView } from '../../model/live.ts';
import type { LeasedServer } from '../../model/server.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';

/**
 * Describes an environment's deployments and the progress of each of its servers, picked from all `servers` of the registry. A server of
 * `live` that takes requests although its lease ended is not lost: it may run an older revision.
 */
export function describeDeployments(snapshot: Snapshot, servers: readonly LeasedServer[], live: LiveView): DeploymentsAnswer {
  const { environment, epoch, version, hash, projects } = snapshot;
  const unrenewed = new Set(live.servers().flatMap(({ id, leaseEndedAt }) => (leaseEndedAt === undefined ? [] : [id])));
  // A server that is leaving the environment is left out, so that nothing waits for it.
  const members = servers
    .filter((server) => server.environment === environment && server.movingTo === undefined && !server.leaving)
    .map((server) => ({ ...server, lost: server.leaseRemaining < 0 && !unrenewed.has(server.id) }));
  return {
    environment,
    epoch,
    version,
    hash,
    deployments: projects.map((deployed) => ({
      project: deployed.name,
      revision: deployed.revision,
      basePath: deployed.project.basePath,
      servers: members.map((server) => progressOf(server, deployed.name, deployed.revision, snapshot)),
    })),
    servers: members.map((server) => ({
      id: server.id,
      state: stateWithoutReports(server) ?? (sameSnapshot(server.running, snapshot) ? 'current' : 'behind'),
      version: server.running?.version ?? null,
    })),
  };
}

/** Describes an environment's deployments without their servers, of which there may be a thousand. */
export function summarizeDeployments({ environment, epoch, version, hash, projects }: Snapshot): DeploymentsSummary {
  const deployments = projects.map(({ name, revision, project }) => ({ project: name, revision, basePath: project.basePath }));
  return { environment, epoch, version, hash, deployments };
}
