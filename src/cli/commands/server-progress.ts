import type { ServerAnswer } from '../../api/answers.ts';
import { rejectionsOf } from '../../api/rejection.ts';
import type { Line } from '../terminal/text.ts';

/** How a server stands on its way to where an operator wants it. */
export interface ServerProgress {
  readonly line: Line;
  /** What is missing; undefined: it is there. */
  readonly missing: string | undefined;
}

/** On its way into `environment`: out of another one, through its projects and its first health check. */
export function joined(server: ServerAnswer, environment: string, projects: number): ServerProgress {
  const { id, state, health, reason, movingTo, running } = server;
  if (server.environment !== environment) return server.environment === null ? pending(id, 'waiting to be told') : leaving(server);
  if (state === 'lost') return settled(`${id} is in ${environment}, but lost: it takes part when it is back`);
  if (state === 'draining' && movingTo === undefined) {
    return settled(`${id} is in ${environment}, but drained: "sluice server resume ${id}" lets it take requests`);
  }
  if (state === 'ready' && health === 'up') return ready(server, environment);
  if (!running && server.source === 'join')
    return pending(id, `joining ${environment}: loading ${projects === 1 ? '1 project' : `${projects} projects`}`);
  const why = reason === undefined ? '' : ` (${reason})`;
  return pending(id, health === 'unknown' ? 'loaded, waiting for its first health check' : `loaded, but ${health}${why}`);
}

function ready(server: ServerAnswer, environment: string): ServerProgress {
  const rejections = rejectionsOf(server);
  const but = rejections.length === 0 ? '' : `, but rejects ${rejections.join('; ')}`;
  return settled(`${server.id} is ready in ${environment}${but}`);
}

/** On its way out of its environment. */
export function removed(server: ServerAnswer): ServerProgress {
  return server.environment === null ? settled(`${server.id} is available`) : leaving(server);
}

/** On its way to having nothing to do. */
export function drained({ id, state, active }: ServerAnswer): ServerProgress {
  if (state === 'lost') return settled(`${id} is lost`);
  return active === 0 ? settled(`${id} is drained`) : pending(id, `draining, ${active} in flight`);
}

/** Where nothing is to be waited for. */
export function described({ id, state, weight }: ServerAnswer): ServerProgress {
  return settled(`${id} is ${state}, weight ${weight}`);
}

function leaving({ id, environment, active }: ServerAnswer): ServerProgress {
  return pending(id, `draining in ${environment ?? 'no environment'}, ${active} in flight`);
}

function settled(line: string): ServerProgress {
  return { line, missing: undefined };
}

function pending(id: string, how: string): ServerProgress {
  return { line: [`${id}  `, { text: how, tone: 'warn' }], missing: `${id} is ${how}` };
}
