import { computed, signal } from '@preact/signals';
import type { DeploymentsAnswer, EnvironmentAnswer, ProjectSummaryAnswer, ServerAnswer } from '../control/answers.ts';
import type { FeedMessage } from '../control/feed-messages.ts';
import { Traffic } from '../control/traffic.ts';
import { call, pathOf, Refusal } from './api.ts';
import { coalesced } from './coalesce.ts';
import {
  deploymentHappenings,
  environmentHappenings,
  type Happening,
  messageHappening,
  projectHappenings,
  serverHappenings,
} from './events.ts';
import { readFeed } from './feed.ts';

/** Milliseconds between two readings of everything. */
const restMs = 200;
/** Happenings that are kept. */
const mostHappenings = 500;

export const environments = signal<readonly EnvironmentAnswer[]>([]);
export const projects = signal<readonly ProjectSummaryAnswer[]>([]);
export const deployments = signal<Readonly<Record<string, DeploymentsAnswer>>>({});
export const servers = signal<ReadonlyMap<string, ServerAnswer>>(new Map());
/** Newest first. */
export const happenings = signal<readonly Happening[]>([]);
export const link = signal<'connecting' | 'live' | 'lost'>('connecting');
/** Everything was read at least once. */
export const loaded = signal(false);
/** `undefined`: not known yet. */
export const signedIn = signal<boolean | undefined>(undefined);
/** Counts the seconds of traffic heard; whoever shows traffic reads it, to be shown anew. */
export const second = signal(0);
export const traffic = new Traffic();

export const available = computed(() =>
  [...servers.value.values()].filter(({ environment, state }) => environment === null && state !== 'lost'),
);

/** The environment with most requests a second, if there is traffic and a choice. */
export const busiest = computed(() => {
  second.value;
  const rates = environments.value
    .map(({ name }) => ({ name, rate: traffic.environments.get(name)?.rate ?? 0 }))
    .sort((a, b) => b.rate - a.rate);
  return rates.length > 1 && (rates[0]?.rate ?? 0) >= 1 ? rates[0]?.name : undefined;
});

export function serversOf(environment: string): ServerAnswer[] {
  return [...servers.value.values()].filter((server) => server.environment === environment).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function record(found: readonly Happening[]): void {
  if (found.length > 0) happenings.value = [...[...found].reverse(), ...happenings.value].slice(0, mostHappenings);
}

/** Reads environments, projects and deployments anew; who is not signed in (any more) is asked to. */
export const refresh = coalesced(async () => {
  try {
    const [newEnvironments, newProjects] = await Promise.all([
      call<EnvironmentAnswer[]>('GET', '/v1/environments'),
      call<ProjectSummaryAnswer[]>('GET', '/v1/projects'),
    ]);
    const names = newEnvironments.map(({ name }) => name);
    const answers = await Promise.all(names.map((name) => deploymentsOf(name)));
    const newDeployments = Object.fromEntries(
      answers.filter((answer) => answer !== undefined).map((answer) => [answer.environment, answer]),
    );
    if (loaded.value) recordChanges(newEnvironments, newProjects, newDeployments);
    traffic.keep(names);
    environments.value = newEnvironments;
    projects.value = newProjects;
    deployments.value = newDeployments;
    loaded.value = true;
    signedIn.value = true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) signedIn.value = false;
    else if (signedIn.value === undefined) setTimeout(() => void refresh(), 1000);
  }
}, restMs);

/** `undefined` for an environment that has just gone. */
async function deploymentsOf(name: string): Promise<DeploymentsAnswer | undefined> {
  try {
    return await call<DeploymentsAnswer>('GET', `${pathOf('v1', 'environments', name)}/deployments`);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}

function recordChanges(
  newEnvironments: readonly EnvironmentAnswer[],
  newProjects: readonly ProjectSummaryAnswer[],
  newDeployments: Readonly<Record<string, DeploymentsAnswer>>,
): void {
  const at = Date.now();
  record(projectHappenings(at, projects.value, newProjects));
  const nameOf = ({ name }: EnvironmentAnswer) => name;
  record(environmentHappenings(at, environments.value.map(nameOf), newEnvironments.map(nameOf)));
  for (const [name, after] of Object.entries(newDeployments)) {
    const before = deployments.value[name];
    if (before) record(deploymentHappenings(at, before, after));
  }
}

function hear(message: FeedMessage): void {
  switch (message.type) {
    case 'servers':
      servers.value = new Map(message.servers.map((server) => [server.id, server]));
      break;
    case 'history':
      traffic.recall(message.environments);
      break;
    case 'membership':
      record(serverHappenings(message.at, servers.value.get(message.server.id), message.server));
      setServer(message.server.id, message.server);
      void refresh();
      break;
    case 'gone':
      record([messageHappening(message)].filter((one) => one !== undefined));
      setServer(message.id, undefined);
      void refresh();
      break;
    case 'health': {
      record([messageHappening(message)].filter((one) => one !== undefined));
      const server = servers.value.get(message.id);
      const { reason: _, ...rest } = server ?? {};
      if (server)
        setServer(server.id, {
          ...(rest as ServerAnswer),
          health: message.health,
          ...(message.reason !== undefined && { reason: message.reason }),
        });
      break;
    }
    case 'traffic':
      traffic.take(message.at, message.servers);
      noteActive(message);
      second.value++;
      break;
    case 'environment':
    case 'deployment':
    case 'project':
    case 'resync':
      void refresh();
      break;
    default:
      message satisfies never;
  }
}

function setServer(id: string, server: ServerAnswer | undefined): void {
  const next = new Map(servers.value);
  if (server) next.set(id, server);
  else next.delete(id);
  servers.value = next;
}

/** Who drains is watched until nothing is in flight. */
function noteActive({ servers: live }: Extract<FeedMessage, { type: 'traffic' }>): void {
  const active = new Map(live.map(({ id, environment, active }) => [`${environment} ${id}`, active]));
  const next = new Map(
    [...servers.value].map(([id, server]) => [id, { ...server, active: active.get(`${server.environment} ${id}`) ?? 0 }]),
  );
  if ([...next.values()].some((server) => server.active !== servers.value.get(server.id)?.active)) servers.value = next;
}

let stopFeed: (() => void) | undefined;

/** Begins to follow what happens; for somebody signed in. */
export function follow(): void {
  stopFeed ??= readFeed({
    opened() {
      link.value = 'live';
      void refresh();
    },
    heard: hear,
    async lost() {
      link.value = 'lost';
      await refresh();
      return signedIn.value === true;
    },
  });
}

/** Signs in with the admin token. Rejects with a {@link Refusal} if it is not the right one. */
export async function signIn(token: string): Promise<void> {
  await call('POST', '/v1/session', { headers: { authorization: `Bearer ${token}` } });
  await refresh();
}

export async function signOut(): Promise<void> {
  await call('DELETE', '/v1/session').catch(() => undefined);
  leave();
}

/** Stops following; nothing of what was seen is kept. */
export function leave(): void {
  stopFeed?.();
  stopFeed = undefined;
  loaded.value = false;
  signedIn.value = false;
  servers.value = new Map();
  happenings.value = [];
}
