import { computed, signal } from '@preact/signals';
import type { EnvironmentAnswer, Happening, ProjectSummaryAnswer, ServerAnswer, WantedAnswer } from '../../api/answers.ts';
import { describeStanding } from '../servers/standing.ts';
import { Traffic } from './traffic.ts';

/** Everything that the page shows, as last heard. */

export const environments = signal<readonly EnvironmentAnswer[]>([]);
export const projects = signal<readonly ProjectSummaryAnswer[]>([]);
/** By environment. */
export const deployments = signal<Readonly<Record<string, WantedAnswer>>>({});
export const servers = signal<ReadonlyMap<string, ServerAnswer>>(new Map());
/** Oldest first. */
export const happenings = signal<readonly Happening[]>([]);
export const traffic = new Traffic();
/** Counts the seconds of traffic heard; whoever shows traffic reads it, to be shown anew. */
export const second = signal(0);

export const link = signal<'connecting' | 'live' | 'lost'>('connecting');
/** When the link was lost, wall clock in milliseconds. */
export const lostAt = signal(0);
/** Whether the balancer reaches its registry. */
export const registryUp = signal(true);
/** Version of the balancer. */
export const balancerVersion = signal('');
/** Everything was read at least once. */
export const loaded = signal(false);
/** `undefined`: not known yet. */
export const signedIn = signal<boolean | undefined>(undefined);
/** Why somebody has to sign in again. */
export const signInReason = signal('');
/** When the session ends, wall clock in milliseconds; 0: not known. */
export const sessionEnds = signal(0);

const byEnvironment = computed(() => {
  const groups = new Map<string | null, ServerAnswer[]>();
  for (const server of [...servers.value.values()].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const group = groups.get(server.environment) ?? [];
    groups.set(server.environment, group);
    group.push(server);
  }
  return groups;
});

export function serversOf(environment: string): readonly ServerAnswer[] {
  return byEnvironment.value.get(environment) ?? [];
}

export const available = computed(() => (byEnvironment.value.get(null) ?? []).filter(({ state }) => state !== 'lost'));

/** How the servers of an environment stand: those in trouble, and those that take requests. */
export interface Condition {
  readonly ready: number;
  readonly bad: number;
  readonly warn: number;
}

const conditions = computed(
  () =>
    new Map(
      environments.value.map(({ name, status }): [string, Condition] => {
        const tones = serversOf(name).map((server) => describeStanding(server, status.snapshot).tone);
        const count = (tone: string) => tones.filter((one) => one === tone).length;
        const ready = serversOf(name).filter(({ state, health }) => state === 'ready' && health === 'up').length;
        return [name, { ready, bad: count('bad'), warn: count('warn') }];
      }),
    ),
);

export function conditionOf(environment: string): Condition {
  return conditions.value.get(environment) ?? { ready: 0, bad: 0, warn: 0 };
}

/** The environment with most requests a second, if there is traffic and a choice. */
export const busiest = computed(() => {
  second.value;
  const rates = environments.value.map(({ name }) => ({ name, rate: traffic.environment(name).rate })).sort((a, b) => b.rate - a.rate);
  return rates.length > 1 && (rates[0]?.rate ?? 0) >= 1 ? rates[0]?.name : undefined;
});

/** Exchanges in flight on a server; undefined while nothing is heard. */
export function activeOn(environment: string | null, id: string): number | undefined {
  second.value;
  return link.value === 'live' ? (traffic.server(environment ?? '', id).last?.active ?? 0) : undefined;
}

/** Forgets everything that was seen. */
export function forget(): void {
  loaded.value = false;
  environments.value = [];
  projects.value = [];
  deployments.value = {};
  servers.value = new Map();
  happenings.value = [];
  sessionEnds.value = 0;
  traffic.clear();
}
