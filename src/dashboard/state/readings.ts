import type { EnvironmentAnswer, ProjectSummaryAnswer, WantedAnswer } from '../../api/answers.ts';
import { coalesced } from '../../model/coalesce.ts';
import { call, pathOf, Refusal } from './api.ts';
import { deployments, environments, link, loaded, projects, sessionEnds, signedIn, signInReason, traffic } from './state.ts';

/** Milliseconds between two readings. */
const restMs = 200;
/** Environments that are read one by one; more are read all together. */
const most = 6;

/** What has to be read again; news only adds to it. */
const stale = { all: true, projects: false, environments: new Set<string>() };

/** Reads what is stale; who is not signed in (any more) is asked to. Settles when all is as new as it can be. */
const read = coalesced(async () => {
  const { all, projects: projectsToo } = stale;
  const names = [...stale.environments];
  Object.assign(stale, { all: false, projects: false, environments: new Set() });
  try {
    if (all || projectsToo) projects.value = await call<ProjectSummaryAnswer[]>('GET', '/v1/projects');
    if (all) await readAll();
    else if (names.length > most) await readAll();
    else await Promise.all(names.map(readEnvironment));
    traffic.keep(new Set(environments.value.map(({ name }) => name)));
    loaded.value = true;
    signedIn.value = true;
  } catch (error) {
    stale.all = true;
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) endSession();
    // While nothing is heard, whoever connects again reads again.
    else if (signedIn.value === undefined || link.value === 'live') setTimeout(() => void read(), 1000);
  }
}, restMs);

/** Everything. */
export function readEverything(): Promise<void> {
  stale.all = true;
  return read();
}

export function readProjects(): void {
  stale.projects = true;
  void read();
}

/** An environment and what is deployed to it. */
export function readAgain(environment: string): void {
  stale.environments.add(environment);
  void read();
}

async function readAll(): Promise<void> {
  const [found, wanted] = await Promise.all([
    call<EnvironmentAnswer[]>('GET', '/v1/environments'),
    call<WantedAnswer[]>('GET', '/v1/deployments'),
  ]);
  environments.value = found;
  deployments.value = Object.fromEntries(wanted.map((one) => [one.environment, one]));
}

async function readEnvironment(name: string): Promise<void> {
  const path = pathOf('v1', 'environments', name);
  const [environment, deployed] = await Promise.all([
    unlessGone(call<EnvironmentAnswer>('GET', path)),
    unlessGone(call<WantedAnswer>('GET', `${path}/deployments`)),
  ]);
  const others = environments.value.filter((one) => one.name !== name);
  environments.value = environment ? [...others, environment].sort((one, other) => (one.name < other.name ? -1 : 1)) : others;
  const { [name]: _, ...rest } = deployments.value;
  deployments.value = environment && deployed ? { ...rest, [name]: deployed } : rest;
}

/** `undefined` for what has just gone. */
async function unlessGone<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}

function endSession(): void {
  if (signedIn.value === true) {
    const ran = sessionEnds.value > 0 && Date.now() >= sessionEnds.value - 1000;
    signInReason.value = ran
      ? 'Your session has ended: it lasts 12 hours. Sign in again to go on.'
      : 'You are signed out: in another window, or because the admin token was changed.';
  }
  signedIn.value = false;
}
