import type { DeploymentsAnswer, DeploymentsSummary } from '../../api/answers.ts';
import { progressOf, type ReportedState, stateWithoutReports } from '../../api/progress.ts';
import type { LiveView } from '../../model/live.ts';
import type { Manifest, ManifestEntry } from '../../model/manifest.ts';
import { eachInTurns, mapInTurns } from '../../model/pieces.ts';
import type { LeasedServer } from '../../model/server.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';

/** Deployments of an environment: all, or those that are asked for. */
export type Described = Pick<Manifest, 'epoch' | 'version' | 'hash' | 'environment' | 'put'>;

/**
 * Describes an environment's deployments and the progress of each of its `servers`, as the registry has them. A server of
 * `live` that takes requests although its lease ended is not lost: it may run an older revision.
 */
export async function describeDeployments(
  deployed: Described,
  servers: readonly LeasedServer[],
  live: LiveView,
): Promise<DeploymentsAnswer> {
  const { environment, epoch, version, hash, put } = deployed;
  const members: ReportedState[] = [];
  await eachInTurns(servers, (server) => {
    // A server that is leaving the environment is left out, so that nothing waits for it.
    if (server.movingTo !== undefined || server.leaving) return;
    const stillAnswers = () => live.serversNamed(server.id).some(({ leaseEndedAt }) => leaseEndedAt !== undefined);
    const { id, source, running, projects } = server;
    members.push({ id, source, running, projects, lost: server.leaseRemaining < 0 && !stillAnswers() });
  });
  const deployments: DeploymentsAnswer['deployments'][number][] = [];
  for (const one of put) {
    const deployment = describeDeployment(one);
    deployments.push({ ...deployment, servers: await mapInTurns(members, (server) => progressOf(server, deployment, deployed)) });
  }
  return {
    environment,
    epoch,
    version,
    hash,
    deployments,
    servers: await mapInTurns(members, (server) => ({
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
