import type { DeploymentsAnswer, WantedAnswer } from '../../api/answers.ts';
import { progressOf, silence } from '../../api/progress.ts';
import type { LeasedServer } from '../../model/server.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { sameSnapshot } from '../../model/snapshot-id.ts';

/** What is deployed to an environment, and how far each of its servers is; `servers` are all that the registry knows. */
export function describeDeployments(snapshot: Snapshot, servers: readonly LeasedServer[]): DeploymentsAnswer {
  const { environment, epoch, version, hash, projects } = snapshot;
  // One that is on its way out is not waited for.
  const members = servers
    .filter((server) => server.environment === environment && server.movingTo === undefined && !server.leaving)
    .map((server) => ({ ...server, lost: server.leaseRemaining < 0 }));
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
      state: silence(server) ?? (sameSnapshot(server.running, snapshot) ? 'current' : 'behind'),
      version: server.running?.version ?? null,
    })),
  };
}

/** The same without a word on servers, which may be a thousand. */
export function describeWanted({ environment, epoch, version, hash, projects }: Snapshot): WantedAnswer {
  const deployments = projects.map(({ name, revision, project }) => ({ project: name, revision, basePath: project.basePath }));
  return { environment, epoch, version, hash, deployments };
}
