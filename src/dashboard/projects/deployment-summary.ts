import type { DeploymentsSummary } from '../../api/answers.ts';
import { type Progress, progressOf } from '../../api/progress.ts';
import { deployments, serversOf } from '../state/state.ts';

export type DeploymentSummary = DeploymentsSummary['deployments'][number];

/** The progress of each server of an environment with a deployment, derived from what the live feed has sent. */
export function serverProgress(environment: string, deployment: DeploymentSummary): Progress[] {
  const wanted = deployments.value[environment];
  if (wanted === undefined) return [];
  return (
    serversOf(environment)
      // A server that is leaving the environment does not load the revision.
      .filter(({ movingTo }) => movingTo === undefined)
      .map((server) => progressOf({ ...server, lost: server.state === 'lost' }, deployment, wanted))
  );
}
