import type { DeploymentsAnswer } from '../../api/answers.ts';
import type { Progress } from '../../api/progress.ts';
import { rejectionText } from '../../api/rejection.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Step } from '../terminal/step-display.ts';
import type { Toned } from '../terminal/text.ts';
import type { Observation } from '../wait-until.ts';

/** The progress of an environment's servers with one revision of a project. */
export interface DeploymentObservation extends Observation {
  readonly answer: DeploymentsAnswer;
  readonly servers: readonly Progress[];
}

/**
 * Observes the deployment of a revision. Throws a {@link CommandFailure} if a later deployment or undeployment has replaced that
 * revision: its servers will never report it.
 */
export function observeDeployment(answer: DeploymentsAnswer, project: string, revision: number): DeploymentObservation {
  const now = answer.deployments.find((one) => one.project === project);
  if (now?.revision !== revision)
    throw new CommandFailure(
      `${project}@${revision} was replaced in ${answer.environment} by ${now ? `revision ${now.revision}` : 'an undeploy'} in the meantime`,
    );
  const steps = now.servers.map((server) => stepOf(server.id, describe(server), server.state !== 'pending'));
  return { answer, servers: now.servers, ...observation(steps) };
}

/** Observes an undeployment: `version` is the first snapshot version without the project. */
export function observeUndeployment(answer: DeploymentsAnswer, version: number): Observation {
  const steps = answer.servers.map(({ id, state, version: running }) => {
    const done = state !== 'behind' || (running ?? 0) >= version;
    const word = state === 'behind' || state === 'current' ? 'undeployed' : state;
    return stepOf(id, done ? { text: word, tone: 'good' } : { text: 'still serves it', tone: 'warn' }, done);
  });
  return observation(steps);
}

function observation(steps: readonly Step[]): Observation {
  const waiting = steps.filter((step) => !step.done).map(({ name }) => name);
  if (waiting.length === 0) return { steps, missing: undefined };
  return { steps, missing: `${steps.length - waiting.length} of ${steps.length} servers done, waiting for ${waiting.join(', ')}` };
}

function stepOf(name: string, state: Toned, done: boolean): Step {
  return { name, line: [`${name}  `, state], done };
}

function describe({ state, revision, error }: Progress): Toned {
  switch (state) {
    case 'active':
      return { text: 'active', tone: 'good' };
    case 'pending':
      return { text: revision > 0 ? `loading, still serves revision ${revision}` : 'loading', tone: 'warn' };
    case 'rejected':
      return { text: `rejected: ${rejectionText({ revision, error })}`, tone: 'bad' };
    case 'unreported':
      return { text: 'registers by plain HTTP: does not report what it runs', tone: 'faint' };
    case 'lost':
      return { text: 'lost: will load it when it is back', tone: 'warn' };
  }
}
