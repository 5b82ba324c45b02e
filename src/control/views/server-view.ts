import type { ServerAnswer } from '../../api/answers.ts';
import { SluiceError } from '../../model/fault.ts';
import { errorsOf, type LiveServer, type LiveView, type ServerState, stateOf } from '../../model/live.ts';
import { eachInTurns, inTurns, mapInTurns } from '../../model/pieces.ts';
import type { LeasedServer } from '../../model/server.ts';
import { sortPieces } from '../../model/sort-pieces.ts';
import type { Registry } from '../../registry/contract.ts';

/** Lists all servers, sorted by id: those in the registry, and static ones, which only the balancer knows. `now` is the wall clock. */
export async function listServers(registry: Registry, live: LiveView, now: () => number): Promise<readonly ServerAnswer[]> {
  const records = await registry.servers();
  const date = now();
  // The same id may stand in two environments: of a static server, and of another server that joined before both were known.
  const seen = new Map<string, LiveServer>();
  await eachInTurns(live.servers(), (server) => void seen.set(placeOf(server), server));
  const registered = await mapInTurns(records, (record) => {
    const place = placeOf(record);
    const known = seen.get(place);
    seen.delete(place);
    return describeServer(record, { live: known, view: live, now: date });
  });
  const unregistered = [...seen.values()];
  const fixed = await describeStatics(registry, unregistered);
  const vanished = unregistered.filter(({ leaseEndedAt }) => leaseEndedAt !== undefined).map(describeVanished);
  return inTurns(sortPieces([...registered, ...fixed, ...vanished], (one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0)));
}

/** Finds one server; throws `not-found` if neither the registry nor the balancer knows it. */
export async function findServer(registry: Registry, live: LiveView, id: string, now: number): Promise<ServerAnswer> {
  const record = await registry.server(id);
  const seen = live.serversNamed(id);
  if (record) return describeServer(record, { live: seen.find(({ environment }) => environment === record.environment), view: live, now });
  const [fixed] = await describeStatics(registry, seen);
  if (fixed) return fixed;
  const vanished = seen.find(({ leaseEndedAt }) => leaseEndedAt !== undefined);
  if (vanished) return describeVanished(vanished);
  throw new SluiceError('not-found', `there is no server "${id}": see sluice server list`);
}

/** Describes the servers that are listed in an environment's settings. The others have just left, and the balancer still has them for a moment. */
async function describeStatics(registry: Registry, unregistered: readonly LiveServer[]): Promise<ServerAnswer[]> {
  if (unregistered.length === 0) return [];
  const environments = new Map(
    (await registry.environments()).map(({ name, spec, drained }) => [
      name,
      { versions: new Map(spec.servers.map(({ id, proxyProtocol }) => [id, proxyProtocol])), drained: new Set(drained) },
    ]),
  );
  const described = await mapInTurns(unregistered, (live) => {
    const environment = environments.get(live.environment);
    const version = environment?.versions.get(live.id);
    if (environment === undefined || version === undefined) return undefined;
    return { ...describeStatic(live, environment.drained.has(live.id)), ...(version !== 'off' && { proxyProtocol: version }) };
  });
  return described.filter((server) => server !== undefined);
}

/** Describes a registered server: its record together with the balancer's health and counts; `now` is the wall clock. */
function describeServer(
  record: LeasedServer,
  { live, view, now }: { live: LiveServer | undefined; view: Pick<LiveView, 'isHere'>; now: number },
): ServerAnswer {
  const elsewhere = record.embedded && !view.isHere(record.id, record.instance);
  return {
    id: record.id,
    instance: record.instance,
    environment: record.environment ?? null,
    ...(record.movingTo !== undefined && { movingTo: record.movingTo }),
    address: record.embedded ? null : record.address,
    ...(record.embedded && { embedded: true as const }),
    ...(elsewhere && { elsewhere }),
    weight: record.weight,
    state: registeredState(record, live),
    health: live?.health ?? 'unknown',
    ...(live?.reason !== undefined && { reason: live.reason }),
    ...(live?.leaseEndedAt !== undefined && { leaseEndedAt: live.leaseEndedAt }),
    source: record.source,
    ...(record.hop && { hop: { tls: live?.mutualTls === true, until: record.hop.certificate?.until ?? null } }),
    ...(record.ownCertificate && { ownCertificate: record.ownCertificate }),
    version: record.version,
    running: record.running ?? null,
    projects: record.projects,
    active: live?.active ?? 0,
    requests: live?.requests ?? 0,
    ...(live === undefined ? { serverErrors: 0, targetErrors: 0 } : errorsOf(live)),
    startedAt: record.startedAt,
    lastSeen: Math.round(now - (record.ttl - record.leaseRemaining)),
  };
}

/**
 * Returns the server's state. One that registers by plain HTTP sends no reports, and is ready when it is healthy. One that rejected what
 * others serve is not ready. One whose lease ended is not lost while the balancer sends it requests.
 */
function registeredState({ leaseRemaining, ...record }: LeasedServer, live: LiveServer | undefined): ServerState {
  const state = stateOf(live?.leaseEndedAt === undefined ? { ...record, leaseRemaining } : record);
  if (state === 'ready' && live?.incomplete) return 'joining';
  return state === 'joining' && record.source === 'http' && live?.health === 'up' ? 'ready' : state;
}

/** Describes a server that the registry has lost, and that still takes requests because it answers. */
function describeVanished(live: LiveServer): ServerAnswer {
  const { leaseEndedAt = 0 } = live;
  return { ...describeStatic(live, false), state: 'ready', source: 'join', leaseEndedAt, lastSeen: leaseEndedAt };
}

function describeStatic(live: LiveServer, draining: boolean): ServerAnswer {
  return {
    id: live.id,
    instance: null,
    environment: live.environment,
    address: live.address,
    weight: live.weight,
    state: draining ? 'draining' : live.health === 'unknown' ? 'joining' : 'ready',
    health: live.health,
    ...(live.reason !== undefined && { reason: live.reason }),
    source: 'static',
    version: null,
    running: null,
    projects: [],
    active: live.active,
    requests: live.requests,
    ...errorsOf(live),
    startedAt: null,
    lastSeen: null,
  };
}

function placeOf({ environment = '', id }: { readonly environment?: string | undefined; readonly id: string }): string {
  return `${environment} ${id}`;
}
