import type { DeploymentsSummary, ServerAnswer } from '../../api/answers.ts';
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
      .map((server) => {
        const own = reportOf(server, deployment.project);
        const { id, source, running, state } = server;
        return progressOf({ id, source, running, lost: state === 'lost', projects: own ? [own] : [] }, deployment, wanted);
      })
  );
}

type Report = ServerAnswer['projects'][number];

/** The projects of a server by name. A server's record never changes, it is replaced: so each record is read once. */
const reports = new WeakMap<ServerAnswer, ReadonlyMap<string, Report>>();

function reportOf(server: ServerAnswer, project: string): Report | undefined {
  let found = reports.get(server);
  if (found === undefined) {
    found = new Map(server.projects.map((one) => [one.name, one]));
    reports.set(server, found);
  }
  return found.get(project);
}

/** The part of an environment's servers that runs a deployment, and what the others run. */
export interface RunningState {
  /** Servers of the environment that report what they run; lost ones are left out. */
  readonly servers: number;
  /** True if the environment has servers, whether they report or not. */
  readonly served: boolean;
  /** Servers that rejected the revision. */
  readonly rejected: number;
  /** Servers that run another revision, by its number; 0: they run none. */
  readonly others: ReadonlyMap<number, number>;
}

export function runningState(environment: string, deployment: DeploymentSummary): RunningState {
  const present = serverProgress(environment, deployment).filter(({ state }) => state !== 'lost');
  const all = present.filter(({ state }) => state !== 'unreported');
  const others = new Map<number, number>();
  for (const { state, revision } of all) {
    if (state === 'rejected' || state === 'pending') others.set(revision, (others.get(revision) ?? 0) + 1);
  }
  return { servers: all.length, served: present.length > 0, rejected: all.filter(({ state }) => state === 'rejected').length, others };
}

/** Says what runs in place of a revision that servers rejected; undefined if no server rejected it. */
export function describeRejected({ servers, rejected, others }: RunningState): { rejection: string; instead: string } | undefined {
  if (rejected === 0) return undefined;
  const instead = [...others]
    .sort(([one], [other]) => other - one)
    .map(([revision]) => (revision === 0 ? 'nothing' : `revision ${revision}`));
  return { rejection: `rejected by ${rejected} of ${servers}`, instead: `${instead.join(' or ')} runs there` };
}
