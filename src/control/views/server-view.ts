import type { ServerAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { type LiveServer, type LiveView, type ServerState, stateOf } from '../../model/live.ts';
import type { LeasedServer } from '../../model/server.ts';
import type { Registry } from '../../registry/contract.ts';

/** All servers by id: those of the registry, and the static ones that only the balancer knows. */
export async function listServers(registry: Registry, live: LiveView, now: number): Promise<ServerAnswer[]> {
  const records = await registry.servers();
  const seen = liveById(live);
  const joined = records.map((record) => describeServer(record, seen.get(record.id), now));
  const known = new Set(records.map((record) => record.id));
  const fixed = (
    await staticOnes(
      registry,
      [...seen.values()].filter((server) => !known.has(server.id)),
    )
  ).map(describeStatic);
  return [...joined, ...fixed].sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** One server; `not-found` if nobody knows it. */
export async function findServer(registry: Registry, live: LiveView, id: string, now: number): Promise<ServerAnswer> {
  const record = await registry.server(id);
  const seen = liveById(live).get(id);
  if (record) return describeServer(record, seen, now);
  const [fixed] = await staticOnes(registry, seen ? [seen] : []);
  if (fixed) return describeStatic(fixed);
  throw new SluiceError('not-found', `there is no server "${id}": see sluice server list`);
}

/** Those that an environment names. A balancer also sees, for a moment, the ones that have just left. */
async function staticOnes(registry: Registry, unregistered: readonly LiveServer[]): Promise<LiveServer[]> {
  if (unregistered.length === 0) return [];
  const environments = new Map((await registry.environments()).map(({ name, spec }) => [name, spec]));
  return unregistered.filter(({ id, environment }) => environments.get(environment)?.servers.some((server) => server.id === id));
}

/** A record joined with what the balancer sees; `now` is the wall clock. */
export function describeServer(record: LeasedServer, live: LiveServer | undefined, now: number): ServerAnswer {
  return {
    id: record.id,
    instance: record.instance,
    environment: record.environment ?? null,
    ...(record.movingTo !== undefined && { movingTo: record.movingTo }),
    address: record.address,
    weight: record.weight,
    state: joinedState(record, live),
    health: live?.health ?? 'unknown',
    ...(live?.reason !== undefined && { reason: live.reason }),
    source: record.source,
    version: record.version,
    running: record.running ?? null,
    projects: [...record.projects],
    active: live?.active ?? 0,
    requests: live?.requests ?? 0,
    startedAt: record.startedAt,
    lastSeen: Math.round(now - (record.ttl - record.leaseRemaining)),
  };
}

/** One that registers by plain HTTP never says that it is ready: its health says it. */
function joinedState(record: LeasedServer, live: LiveServer | undefined): ServerState {
  const state = stateOf(record);
  return state === 'joining' && record.source === 'http' && live?.health === 'up' ? 'ready' : state;
}

function describeStatic(live: LiveServer): ServerAnswer {
  return {
    id: live.id,
    instance: null,
    environment: live.environment,
    address: live.address,
    weight: live.weight,
    state: live.health === 'unknown' ? 'joining' : 'ready',
    health: live.health,
    ...(live.reason !== undefined && { reason: live.reason }),
    source: 'static',
    version: null,
    running: null,
    projects: [],
    active: live.active,
    requests: live.requests,
    startedAt: null,
    lastSeen: null,
  };
}

function liveById(live: LiveView): Map<string, LiveServer> {
  return new Map(live.servers().map((server) => [server.id, server]));
}
