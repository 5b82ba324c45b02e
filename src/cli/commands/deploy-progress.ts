import type { DeploymentsAnswer } from '../../api/answers.ts';
import type { Progress } from '../../api/progress.ts';
import { rejectionText } from '../../api/rejection.ts';
import { Failure } from '../failure.ts';
import type { Step } from '../terminal/progress.ts';
import type { Toned } from '../terminal/text.ts';
import type { Standing } from '../waiting.ts';

/** How far the servers of an environment are with one revision of a project. */
export interface Activation extends Standing {
  readonly answer: DeploymentsAnswer;
  readonly servers: readonly Progress[];
}

/** Somebody's later deployment of another revision ends the wait with a {@link Failure}: this one will not come any more. */
export function activation(answer: DeploymentsAnswer, project: string, revision: number): Activation {
  const now = answer.deployments.find((one) => one.project === project);
  if (now?.revision !== revision)
    throw new Failure(
      `${project}@${revision} was replaced in ${answer.environment} by ${now ? `revision ${now.revision}` : 'an undeploy'} in the meantime`,
    );
  const steps = now.servers.map((server) => stepOf(server.id, howFar(server), server.state !== 'pending'));
  return { answer, servers: now.servers, ...standing(steps) };
}

/** How far the servers of an environment are with a version of it that lacks a project. */
export function withdrawal(answer: DeploymentsAnswer, version: number): Standing {
  const steps = answer.servers.map(({ id, state, version: running }) => {
    const done = state !== 'behind' || (running ?? 0) >= version;
    const how = { text: done ? (state === 'behind' || state === 'current' ? 'without it' : state) : 'still with it', tone: toneOf(done) };
    return stepOf(id, how, done);
  });
  return standing(steps);
}

function standing(steps: readonly Step[]): Standing {
  const waiting = steps.filter((step) => !step.done).map(({ name }) => name);
  if (waiting.length === 0) return { steps, missing: undefined };
  return { steps, missing: `${steps.length - waiting.length} of ${steps.length} servers done, waiting for ${waiting.join(', ')}` };
}

function stepOf(name: string, how: Toned, done: boolean): Step {
  return { name, line: [`${name}  `, how], done };
}

function howFar({ state, revision, error }: Progress): Toned {
  switch (state) {
    case 'active':
      return { text: 'runs it', tone: 'good' };
    case 'pending':
      return { text: revision > 0 ? `loading, still runs revision ${revision}` : 'loading', tone: 'warn' };
    case 'rejected':
      return { text: `rejected: ${rejectionText({ revision, error })}`, tone: 'bad' };
    case 'unreported':
      return { text: 'registers by plain HTTP: it tells nothing of what it runs', tone: 'faint' };
    case 'lost':
      return { text: 'lost: it loads it when it is back', tone: 'warn' };
  }
}

function toneOf(done: boolean): Toned['tone'] {
  return done ? 'good' : 'warn';
}
