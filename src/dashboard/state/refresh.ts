import type { ControlAnswer, DeploymentsSummary, EnvironmentAnswer, ProjectSummaryAnswer } from '../../api/answers.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import { ApiError, call, pathOf } from './api.ts';
import { browserClock } from './browser-clock.ts';
import {
  connection,
  controlCertificate,
  deployments,
  environments,
  loaded,
  projects,
  sessionEnds,
  signedIn,
  signInReason,
  traffic,
} from './state.ts';

/** Pause between two readings, in milliseconds. */
const restMs = 200;
/** Pause after a failed reading, in milliseconds. */
const retryMs = 1000;
/** Up to this many stale environments are read one by one. If there are more, all environments are read together. */
const maxSingle = 6;

/** The parts of the state to read again; messages of the live feed add to it. */
const stale = { all: true, projects: false, environments: new Set<string>() };

/** Reads the stale parts of the state from the admin API. Ends the session if the API refuses it. */
const reading = new CoalescedTask({ clock: browserClock, run: readStale, rest: () => restMs });

async function readStale(): Promise<void> {
  const { all, projects: projectsToo } = stale;
  const names = [...stale.environments];
  Object.assign(stale, { all: false, projects: false, environments: new Set() });
  try {
    if (all || projectsToo) projects.value = await call<ProjectSummaryAnswer[]>('GET', '/v1/projects');
    if (all) await readAll();
    else if (names.length > maxSingle) await readAll();
    else await Promise.all(names.map(readEnvironment));
    // News of environments tell of changed certificates, too.
    if (all || names.length > 0) controlCertificate.value = (await call<ControlAnswer>('GET', '/v1/control')).certificate;
    traffic.keep(new Set(environments.value.map(({ name }) => name)));
    loaded.value = true;
    signedIn.value = true;
  } catch (error) {
    stale.all = true;
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) endSession();
    // While the live feed is down no timer is needed: every reconnect reads everything.
    else if (signedIn.value === undefined || connection.value === 'live') reading.soon(retryMs);
  }
}

/** Reads everything again. Resolves when the reading has ended. */
export function refreshAll(): Promise<void> {
  stale.all = true;
  return reading.now();
}

export function refreshProjects(): void {
  stale.projects = true;
  reading.soon();
}

/** Reads an environment and its deployments again. */
export function refreshEnvironment(environment: string): void {
  stale.environments.add(environment);
  reading.soon();
}

async function readAll(): Promise<void> {
  const [found, wanted] = await Promise.all([
    call<EnvironmentAnswer[]>('GET', '/v1/environments'),
    call<DeploymentsSummary[]>('GET', '/v1/deployments'),
  ]);
  environments.value = found;
  deployments.value = Object.fromEntries(wanted.map((one) => [one.environment, newerOf(one)]));
}

async function readEnvironment(name: string): Promise<void> {
  const path = pathOf('v1', 'environments', name);
  const [environment, deployed] = await Promise.all([
    unlessGone(call<EnvironmentAnswer>('GET', path)),
    unlessGone(call<DeploymentsSummary>('GET', `${path}/deployments`)),
  ]);
  const others = environments.value.filter((one) => one.name !== name);
  environments.value = environment ? [...others, environment].sort((one, other) => (one.name < other.name ? -1 : 1)) : others;
  const { [name]: _, ...rest } = deployments.value;
  deployments.value = environment && deployed ? { ...rest, [name]: newerOf(deployed) } : rest;
}

/** Takes over the deployments that a change was answered with. */
export function showDeployments(answer: DeploymentsSummary): void {
  deployments.value = { ...deployments.value, [answer.environment]: newerOf(answer) };
}

/** The newer one of the deployments read and those shown: an answer may have been overtaken by a later one. */
function newerOf(read: DeploymentsSummary): DeploymentsSummary {
  const shown = deployments.value[read.environment];
  return shown !== undefined && shown.epoch === read.epoch && shown.version > read.version ? shown : read;
}

/** Resolves with undefined if the object has just been deleted. */
async function unlessGone<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function endSession(): void {
  if (signedIn.value === true) {
    const expired = sessionEnds.value > 0 && Date.now() >= sessionEnds.value - 1000;
    signInReason.value = expired
      ? 'Your session has ended after 12 hours. Sign in again to continue.'
      : 'You were signed out: in another window, or because the admin token was changed.';
  }
  signedIn.value = false;
}
