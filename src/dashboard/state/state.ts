import { computed, signal } from '@preact/signals';
import type {
  ControlAnswer,
  DeploymentsSummary,
  EnvironmentAnswer,
  Happening,
  ProjectSummaryAnswer,
  ServerAnswer,
} from '../../api/answers.ts';
import { forgetFolds } from './folds.ts';
import { RecentTraffic } from './recent-traffic.ts';
import { describeStanding } from './server-standing.ts';

/** The state of the page: everything it shows, as last read from the API or received from the live feed. */

export const environments = signal<readonly EnvironmentAnswer[]>([]);
export const projects = signal<readonly ProjectSummaryAnswer[]>([]);
/** By environment. */
export const deployments = signal<Readonly<Record<string, DeploymentsSummary>>>({});
export const servers = signal<ReadonlyMap<string, ServerAnswer>>(new Map());
/** Oldest first. */
export const happenings = signal<readonly Happening[]>([]);
export const traffic = new RecentTraffic();
/** Rises with each second of traffic. A component that shows traffic reads it, in order to be rendered again. */
export const trafficTick = signal(0);

/** State of the live feed. */
export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');
/** Time at which the live feed was lost, wall clock in milliseconds. */
export const lostAt = signal(0);
/** False while the balancer cannot reach its registry. */
export const registryUp = signal(true);
/** Why the registry refuses writes, and what to do; undefined while it takes them. */
export const registryRefuses = signal<string | undefined>(undefined);
/** Certificate of the control address; null: it has none, or is not known yet. */
export const controlCertificate = signal<ControlAnswer['certificate']>(null);
/** Version of the balancer's program. */
export const balancerVersion = signal('');
/** True once everything was read for the first time. */
export const loaded = signal(false);
/** Undefined until the first answer of the API. */
export const signedIn = signal<boolean | undefined>(undefined);
/** Tells the user why the session has ended; empty if no session has ended. */
export const signInReason = signal('');
/** Time at which the session ends, wall clock in milliseconds; 0 if unknown. */
export const sessionEnds = signal(0);

/** Up to this many environments are listed in full; above it there are filters. */
export const fewEnvironments = 6;

const byEnvironment = computed(() => {
  const groups = new Map<string | null, ServerAnswer[]>();
  for (const server of [...servers.value.values()].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const group = groups.get(server.environment) ?? [];
    groups.set(server.environment, group);
    group.push(server);
  }
  return groups;
});

/** Takes over the record of a server. */
export function showServer(server: ServerAnswer): void {
  servers.value = new Map(servers.value).set(server.id, server);
}

export function serversOf(environment: string): readonly ServerAnswer[] {
  return byEnvironment.value.get(environment) ?? [];
}

/** Servers in no environment that could be added to one. */
export const available = computed(() => (byEnvironment.value.get(null) ?? []).filter(({ state }) => state !== 'lost'));

/** The condition of an environment, as numbers of servers. */
export interface Condition {
  /** Servers that take requests, of `all`. */
  readonly ready: number;
  /** Servers that this balancer sends requests to, if they take them. */
  readonly all: number;
  /** Servers with an error. */
  readonly bad: number;
  /** Servers with a warning. */
  readonly warn: number;
}

const conditions = computed(
  () =>
    new Map(
      environments.value.map(({ name, status }): [string, Condition] => {
        const tones = serversOf(name).map((server) => describeStanding(server, status.snapshot).tone);
        const count = (tone: string) => tones.filter((one) => one === tone).length;
        const ready = serversOf(name).filter(({ state, health }) => state === 'ready' && health === 'up').length;
        const all = serversOf(name).filter(({ elsewhere }) => !elsewhere).length;
        return [name, { ready, all, bad: count('bad'), warn: count('warn') }];
      }),
    ),
);

export function conditionOf(environment: string): Condition {
  return conditions.value.get(environment) ?? { ready: 0, all: 0, bad: 0, warn: 0 };
}

/** The environment with most requests per second; undefined without traffic, or with a single environment. */
export const busiest = computed(() => {
  trafficTick.value;
  const rates = environments.value.map(({ name }) => ({ name, rate: traffic.environment(name).rate })).sort((a, b) => b.rate - a.rate);
  return rates.length > 1 && (rates[0]?.rate ?? 0) >= 1 ? rates[0]?.name : undefined;
});

/** Requests in flight on a server; undefined while the live feed is down. */
export function activeOn(environment: string | null, id: string): number | undefined {
  trafficTick.value;
  return connection.value === 'live' ? (traffic.server(environment ?? '', id).last?.active ?? 0) : undefined;
}

/** Clears the state, at the end of a session. */
export function forget(): void {
  loaded.value = false;
  environments.value = [];
  projects.value = [];
  deployments.value = {};
  servers.value = new Map();
  happenings.value = [];
  sessionEnds.value = 0;
  traffic.clear();
  forgetFolds();
}
