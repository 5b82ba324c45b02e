import type { DeploymentsAnswer, ProjectSummaryAnswer, ServerAnswer } from '../control/answers.ts';
import type { FeedMessage } from '../control/feed-messages.ts';
import type { Tone } from './standing.ts';

/** Something that happened, as people read it. */
export interface Happening {
  /** Wall clock in milliseconds. */
  readonly at: number;
  readonly tone: Tone;
  /** Whom it happened to. */
  readonly subject: string;
  readonly text: string;
  readonly cause?: string;
}

const where = (server: ServerAnswer) => server.environment ?? 'the available servers';

/** What a change of one server means; `before` is undefined for one that is new. */
export function serverHappenings(at: number, before: ServerAnswer | undefined, server: ServerAnswer): Happening[] {
  const about = { at, subject: server.id };
  if (before === undefined) return [{ ...about, tone: 'busy', text: `joined ${where(server)}`, cause: `started at ${server.address}` }];
  const found: Happening[] = [];
  if (before.instance !== server.instance) found.push({ ...about, tone: 'busy', text: 'started anew', cause: `at ${server.address}` });
  if (before.environment !== server.environment) found.push(moved(about, before, server));
  if (before.state !== server.state) found.push(...changedState(about, before, server));
  if (before.weight !== server.weight) found.push({ ...about, tone: 'idle', text: `weight ${before.weight} → ${server.weight}` });
  for (const project of server.projects.filter(({ state }) => state === 'rejected')) {
    const known = before.projects.some(
      ({ name, state, error }) => name === project.name && state === 'rejected' && error === project.error,
    );
    const cause = project.error === undefined ? {} : { cause: project.error };
    if (!known) found.push({ ...about, tone: 'bad', text: `rejected ${project.name}`, ...cause });
  }
  const version = server.running?.version;
  if (version !== undefined && version !== before.running?.version && before.state === server.state) {
    found.push({ ...about, tone: 'good', text: `runs version ${version} of ${server.environment}` });
  }
  return found;
}

function moved(about: { at: number; subject: string }, before: ServerAnswer, { environment }: ServerAnswer): Happening {
  if (environment === null) return { ...about, tone: 'idle', text: `left ${before.environment}`, cause: 'removed and drained' };
  const cause = before.environment === null ? 'was available' : `drained in ${before.environment} first`;
  return { ...about, tone: 'busy', text: `added to ${environment}`, cause };
}

function changedState(about: { at: number; subject: string }, before: ServerAnswer, server: ServerAnswer): Happening[] {
  switch (server.state) {
    case 'ready':
      if (before.state === 'draining') return [{ ...about, tone: 'good', text: 'takes requests again' }];
      return [{ ...about, tone: 'good', text: `ready in ${server.environment}`, cause: `runs version ${server.running?.version ?? '?'}` }];
    case 'draining':
      return [{ ...about, tone: 'warn', text: `draining in ${server.environment}`, cause: drainCause(server) }];
    case 'lost':
      return [{ ...about, tone: 'bad', text: 'lost', cause: 'its lease ended without a word' }];
    case 'available':
    case 'joining':
      return [];
    default:
      return server.state satisfies never;
  }
}

function drainCause({ movingTo }: ServerAnswer): string {
  if (movingTo === null) return 'on its way out of the environment';
  return movingTo === undefined ? 'by an operator, or because it stops' : `on its way to ${movingTo}`;
}

/** What a health or leaving message means. */
export function messageHappening(message: Extract<FeedMessage, { type: 'health' | 'gone' }>): Happening | undefined {
  const about = { at: message.at, subject: message.id };
  if (message.type === 'gone')
    return { ...about, tone: 'idle', text: `left ${message.environment ?? 'the available servers'}`, cause: 'it stopped' };
  if (message.health === 'unknown') return undefined;
  const tone = message.health === 'up' ? 'good' : message.health === 'down' ? 'bad' : 'warn';
  const cause = message.reason ?? (message.health === 'up' ? 'its checks pass' : undefined);
  return { ...about, tone, text: message.health === 'up' ? 'healthy' : message.health, ...(cause !== undefined && { cause }) };
}

/** What differs between two states of an environment's deployments. */
export function deploymentHappenings(at: number, before: DeploymentsAnswer, after: DeploymentsAnswer): Happening[] {
  if (before.version === after.version && before.epoch === after.epoch) return [];
  const about = { at, subject: after.environment, cause: `version ${before.version} → ${after.version}` };
  const found: Happening[] = [];
  for (const { project, revision } of after.deployments) {
    const earlier = before.deployments.find((one) => one.project === project)?.revision;
    if (earlier === undefined) found.push({ ...about, tone: 'good', text: `${project} revision ${revision} deployed` });
    else if (earlier !== revision) found.push({ ...about, tone: 'good', text: `${project} revision ${earlier} → ${revision}` });
  }
  for (const { project } of before.deployments) {
    if (!after.deployments.some((one) => one.project === project)) found.push({ ...about, tone: 'warn', text: `${project} undeployed` });
  }
  return found.length > 0 ? found : [{ ...about, tone: 'idle', text: 'variables changed' }];
}

/** Environments that came or went. */
export function environmentHappenings(at: number, before: readonly string[], after: readonly string[]): Happening[] {
  const created = after
    .filter((name) => !before.includes(name))
    .map((subject): Happening => ({ at, subject, tone: 'good', text: 'environment created' }));
  const deleted = before
    .filter((name) => !after.includes(name))
    .map((subject): Happening => ({ at, subject, tone: 'warn', text: 'environment deleted' }));
  return [...created, ...deleted];
}

/** Revisions that were pushed. */
export function projectHappenings(
  at: number,
  before: readonly ProjectSummaryAnswer[],
  after: readonly ProjectSummaryAnswer[],
): Happening[] {
  return after
    .filter(({ name, latest }) => (before.find((one) => one.name === name)?.latest ?? 0) < latest)
    .map(({ name, latest }) => ({ at, subject: name, tone: 'idle', text: `revision ${latest} pushed` }));
}
