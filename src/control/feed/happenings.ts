import type { Happening, ServerAnswer } from '../../api/answers.ts';

type About = Pick<Happening, 'at' | 'kind' | 'subject' | 'environment'>;

function aboutServer(at: number, kind: 'server' | 'health', { id, environment }: ServerAnswer): About {
  return { at, kind, subject: id, ...(environment !== null && { environment }) };
}

/** Describes what happened to one server between two states; `before` is undefined for a new server, `after` for one that is gone. */
export function serverHappenings(at: number, before: ServerAnswer | undefined, after: ServerAnswer | undefined): Happening[] {
  if (after === undefined) return before === undefined ? [] : [goneHappening(at, before)];
  const about = aboutServer(at, 'server', after);
  const where = after.environment ?? 'the available servers';
  if (before === undefined) return [{ ...about, tone: 'busy', text: `joined ${where}`, cause: `started ${placeOf(after)}` }];
  const found: Happening[] = [];
  if (before.instance !== after.instance)
    found.push({ ...about, tone: 'busy', text: 'restarted', cause: `new instance ${placeOf(after)}` });
  if (before.environment !== after.environment) found.push(moved(about, before, after));
  if (before.state !== after.state) found.push(...changedState(about, before, after));
  if (before.weight !== after.weight) found.push({ ...about, tone: 'idle', text: `weight ${before.weight} → ${after.weight}` });
  found.push(...rejections(about, before, after));
  const version = after.running?.version;
  if (version !== undefined && version !== before.running?.version && before.state === after.state) {
    found.push({ ...about, tone: 'good', text: `runs version ${version} of ${after.environment}` });
  }
  if (before.health !== after.health) found.push(...changedHealth(at, after));
  const [had, has] = [before.leaseEndedAt === undefined, after.leaseEndedAt === undefined];
  if (had && !has)
    found.push({ ...about, tone: 'warn', text: 'does not renew its lease', ...(after.reason !== undefined && { cause: after.reason }) });
  else if (!had && has && after.state === 'ready') found.push({ ...about, tone: 'good', text: 'renews its lease again' });
  return found;
}

function placeOf({ address }: ServerAnswer): string {
  return address === null ? 'in the process of a balancer' : `at ${address}`;
}

function goneHappening(at: number, before: ServerAnswer): Happening {
  const about = aboutServer(at, 'server', before);
  const cause = before.state === 'lost' ? 'it was lost and did not come back' : 'it stopped';
  return { ...about, tone: 'idle', text: `left ${before.environment ?? 'the available servers'}`, cause };
}

function moved(about: About, before: ServerAnswer, { environment }: ServerAnswer): Happening {
  if (environment === null) return { ...about, tone: 'idle', text: `left ${before.environment}`, cause: 'removed and drained' };
  const cause = before.environment === null ? 'was available' : `drained in ${before.environment} first`;
  return { ...about, tone: 'busy', text: `added to ${environment}`, cause };
}

function changedState(about: About, before: ServerAnswer, server: ServerAnswer): Happening[] {
  switch (server.state) {
    case 'ready':
      if (before.state === 'draining') return [{ ...about, tone: 'good', text: 'takes requests again' }];
      return [{ ...about, tone: 'good', text: `ready in ${server.environment}`, cause: `runs version ${server.running?.version ?? '?'}` }];
    case 'draining':
      return [{ ...about, tone: 'warn', text: `draining in ${server.environment}`, cause: drainCause(server) }];
    case 'lost':
      return [{ ...about, tone: 'bad', text: 'lost', cause: 'its lease expired' }];
    case 'available':
    case 'joining':
      return [];
    default:
      return server.state satisfies never;
  }
}

function drainCause({ movingTo }: ServerAnswer): string {
  if (movingTo === null) return 'it is being removed from the environment';
  return movingTo === undefined ? 'by an operator, or because it is stopping' : `it is moving to ${movingTo}`;
}

/** Reports a rejection once, until its error changes. */
function rejections(about: About, before: ServerAnswer, after: ServerAnswer): Happening[] {
  return after.projects
    .filter(({ state }) => state === 'rejected')
    .filter(({ name, error }) => !before.projects.some((one) => one.state === 'rejected' && one.name === name && one.error === error))
    .map(({ name, error }) => ({ ...about, tone: 'bad', text: `rejected ${name}`, ...(error !== undefined && { cause: error }) }));
}

function changedHealth(at: number, server: ServerAnswer): Happening[] {
  const about = aboutServer(at, 'health', server);
  const cause = server.reason === undefined ? {} : { cause: server.reason };
  switch (server.health) {
    case 'up':
      return [{ ...about, tone: 'good', text: 'healthy', cause: 'its health checks pass' }];
    case 'down':
      return [{ ...about, tone: 'bad', text: 'down', ...cause }];
    case 'ejected':
      return [{ ...about, tone: 'warn', text: 'ejected', cause: 'too many failures in a row', ...cause }];
    case 'unknown':
      return [];
    default:
      return server.health satisfies never;
  }
}

interface RegistryState {
  readonly up: boolean;
  readonly refuses?: string | undefined;
}

/** Describes a change of the connection to the registry. */
export function registryHappening(at: number, before: RegistryState, { up, refuses }: RegistryState): Happening {
  const about = { at, kind: 'balancer', subject: 'registry' } as const;
  if (!up)
    return { ...about, tone: 'bad', text: 'does not answer', cause: 'traffic continues with the last known servers; changes must wait' };
  if (refuses !== undefined) return { ...about, tone: 'bad', text: 'refuses writes', cause: refuses };
  return { ...about, tone: 'good', text: before.up ? 'takes writes again' : 'answers again' };
}

/** The revisions deployed to an environment. */
export interface DeployedRevisions {
  readonly environment: string;
  readonly version: number;
  /** By project. */
  readonly revisions: ReadonlyMap<string, number>;
}

/** Describes the changes between two states of an environment's deployments. */
export function deploymentHappenings(at: number, before: DeployedRevisions, after: DeployedRevisions): Happening[] {
  const { environment } = after;
  const about = {
    at,
    kind: 'deployment',
    subject: environment,
    environment,
    cause: `version ${before.version} → ${after.version}`,
  } as const;
  const found: Happening[] = [];
  for (const [project, revision] of after.revisions) {
    const earlier = before.revisions.get(project);
    if (earlier === undefined) found.push({ ...about, tone: 'good', text: `${project} revision ${revision} deployed` });
    else if (earlier !== revision) found.push({ ...about, tone: 'good', text: `${project} revision ${earlier} → ${revision}` });
  }
  for (const project of before.revisions.keys()) {
    if (!after.revisions.has(project)) found.push({ ...about, tone: 'warn', text: `${project} undeployed` });
  }
  return found.length === 0 && before.version !== after.version ? [{ ...about, tone: 'idle', text: 'variables changed' }] : found;
}

/** Describes the changes between two lists of environments, each with its settings as text. */
export function environmentHappenings(at: number, before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Happening[] {
  const found: Happening[] = [];
  const about = (subject: string) => ({ at, kind: 'environment', subject, environment: subject }) as const;
  for (const [name, settings] of after) {
    if (!before.has(name)) found.push({ ...about(name), tone: 'good', text: 'environment created' });
    else if (before.get(name) !== settings) found.push({ ...about(name), tone: 'idle', text: 'settings changed' });
  }
  for (const name of before.keys()) if (!after.has(name)) found.push({ ...about(name), tone: 'warn', text: 'environment deleted' });
  return found;
}

/** Describes the revisions that were pushed, and the projects that were deleted, between two lists of the newest revision by project. */
export function projectHappenings(at: number, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Happening[] {
  const about = (subject: string) => ({ at, kind: 'project', subject, tone: 'idle' }) as const;
  const pushed = [...after].filter(([name, latest]) => (before.get(name) ?? 0) < latest);
  const deleted = [...before.keys()].filter((name) => !after.has(name));
  return [
    ...pushed.map(([name, latest]) => ({ ...about(name), text: `revision ${latest} pushed` })),
    ...deleted.map((name) => ({ ...about(name), text: 'project deleted' })),
  ];
}
