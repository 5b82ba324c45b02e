import type { WantedAnswer } from '../../api/answers.ts';
import { type Progress, progressOf } from '../../api/progress.ts';
import { deployments, serversOf } from '../state/state.ts';

export type Deployment = WantedAnswer['deployments'][number];

/** How far each server of an environment is with a deployment, as the feed tells it: nobody has to ask for it again. */
export function progressIn(environment: string, { project, revision }: Deployment): Progress[] {
  const wanted = deployments.value[environment];
  if (wanted === undefined) return [];
  return (
    serversOf(environment)
      // One that is on its way out is not waited for.
      .filter(({ movingTo }) => movingTo === undefined)
      .map((server) => progressOf({ ...server, lost: server.state === 'lost' }, project, revision, wanted))
  );
}
