import type { DeploymentsAnswer, DeploymentsSummary } from '../../api/answers.ts';
import { progressOf, stateWithoutReports } from '../../api/progress.ts';
import type { LiveView } from '../../model/live.ts';
import type { Manifest, ManifestEntry } from '../../model/manifest.ts';
import type { LeasedServer } from '../../model/server.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';

/** Deployments of an environment: all, or those that are asked for. */
export type Described = Pick<Manifest, 'epoch' | 'version' | 'hash' | 'environment' | 'put'>;

/**
 * Describes an environment's deployments and the progress of each of its servers, picked from all `servers` of the registry. A server of
 * `live` that takes requests although its lease ended is not lost: it may run an older revision.
 */
export function describeDeployments(deployed: Described, servers: readonly LeasedServer[], live: LiveView): DeploymentsAnswer {
  const { environment, epoch, version, hash, put } = deployed;
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
    deployments: put.map(describeDeployment).map((deployment) => ({
      ...deployment,
      servers: members.map((server) => progressOf(server, deployment, deployed)),
    })),
    servers: members.map((server) => ({
      id: server.id,
      state: stateWithoutReports(server) ?? (sameSnapshot(server.running, deployed) ? 'current' : 'behind'),
      version: server.running?.version ?? null,
    })),
  };
}

/** Describes an environment's deployments without their servers, of which there may be a thousand. */
export function summarizeDeployments({ environment, epoch, version, hash, put }: Described): DeploymentsSummary {
  return { environment, epoch, version, hash, deployments: put.map(describeDeployment) };
}

function describeDeployment({ name, revision, basePath, since }: ManifestEntry) {
  return { project: name, revision, basePath, ...(since !== undefined && { since }) };
}
