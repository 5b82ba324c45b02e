import type { LeasedServer } from '../model/server.ts';
import type { DeployedProject, Snapshot } from '../model/snapshot.ts';
import { sameSnapshot } from '../model/snapshot.ts';
import type { DeploymentsAnswer } from './answers.ts';

type Progress = DeploymentsAnswer['deployments'][number]['servers'][number];

/** What is deployed to an environment, and how far each of its servers is; `servers` are all that the registry knows. */
export function describeDeployments(snapshot: Snapshot, servers: readonly LeasedServer[]): DeploymentsAnswer {
  const { environment, epoch, version, hash, projects } = snapshot;
  // One that is on its way out is not waited for.
  const members = servers.filter((server) => server.environment === environment && server.movingTo === undefined && !server.leaving);
  return {
    environment,
    epoch,
    version,
    hash,
    deployments: projects.map((deployed) => ({
      project: deployed.name,
      revision: deployed.revision,
      basePath: deployed.project.basePath,
      servers: members.map((server) => progressOf(server, deployed, snapshot)),
    })),
    servers: members.map((server) => ({
      id: server.id,
      state: silence(server) ?? (sameSnapshot(server.running, snapshot) ? 'current' : 'behind'),
      version: server.running?.version ?? null,
    })),
  };
}

function progressOf(server: LeasedServer, deployed: DeployedProject, snapshot: Snapshot): Progress {
  const running = server.projects.find((project) => project.name === deployed.name);
  const revision = running?.revision ?? 0;
  const silent = silence(server);
  if (silent) return { id: server.id, state: silent, revision };
  if (running?.state === 'active' && revision === deployed.revision) return { id: server.id, state: 'active', revision };
  // A rejection counts only for the snapshot that is wanted now: the next one may be fine.
  if (running?.state === 'rejected' && sameSnapshot(server.running, snapshot)) {
    return { id: server.id, state: 'rejected', revision, ...(running.error !== undefined && { error: running.error }) };
  }
  return { id: server.id, state: 'pending', revision };
}

/** Why nothing is to be heard from it, if so. */
function silence(server: LeasedServer): 'lost' | 'unreported' | undefined {
  if (server.leaseRemaining < 0) return 'lost';
  return server.source === 'http' ? 'unreported' : undefined;
}
