import type { ServerAnswer } from '../../api/answers.ts';
import { rejectionsOf } from '../../api/rejection.ts';
import type { Line } from '../terminal/text.ts';

/** The state of a server during a change that an operator asked for. */
export interface ServerObservation {
  readonly line: Line;
  /** Describes what is still missing; undefined once the change is complete. */
  readonly missing: string | undefined;
}

/** Observes a server that moves into `environment`: it leaves another one, loads `projects` projects, and passes a first health check. */
export function observeJoin(server: ServerAnswer, environment: string, projects: number): ServerObservation {
  const { id, state, health, reason, movingTo, running } = server;
  if (server.environment !== environment) return server.environment === null ? pending(id, 'waiting for its assignment') : leaving(server);
  if (state === 'lost') return complete(`${id} is in ${environment}, but lost: it takes requests as soon as it is back`);
  if (state === 'draining' && movingTo === undefined) {
    return complete(`${id} is in ${environment}, but drained: "sluice server resume ${id}" lets it take requests`);
  }
  if (state === 'ready' && health === 'up') return ready(server, environment);
  if (!running && server.source === 'join')
    return pending(id, `joining ${environment}: loading ${projects === 1 ? '1 project' : `${projects} projects`}`);
  const why = reason === undefined ? '' : ` (${reason})`;
  return pending(id, health === 'unknown' ? 'loaded, waiting for its first health check' : `loaded, but ${health}${why}`);
}

function ready(server: ServerAnswer, environment: string): ServerObservation {
  const rejections = rejectionsOf(server);
  const but = rejections.length === 0 ? '' : `, but rejects ${rejections.join('; ')}`;
  return complete(`${server.id} is ready in ${environment}${but}`);
}

/** Observes a server that leaves its environment. */
export function observeRemoval(server: ServerAnswer): ServerObservation {
  return server.environment === null ? complete(`${server.id} is available`) : leaving(server);
}

/** Observes a server until no request is in flight on it. */
export function observeDrain({ id, state, active }: ServerAnswer): ServerObservation {
  if (state === 'lost') return complete(`${id} is lost`);
  return active === 0 ? complete(`${id} is drained`) : pending(id, `draining, ${active} in flight`);
}

/** Describes a server after a change that takes effect at once. */
export function describeServer({ id, state, weight }: ServerAnswer): ServerObservation {
  return complete(`${id} is ${state}, weight ${weight}`);
}

function leaving({ id, environment, active }: ServerAnswer): ServerObservation {
  return pending(id, `draining in ${environment ?? 'no environment'}, ${active} in flight`);
}

function complete(line: string): ServerObservation {
  return { line, missing: undefined };
}

function pending(id: string, how: string): ServerObservation {
  return { line: [`${id}  `, { text: how, tone: 'warn' }], missing: `${id} is ${how}` };
}
