import { type Conflict, listenerConflictsOf, type NamedSpec } from '../../config/listener-conflicts.ts';
import { refusal } from '../../config/refusal.ts';
import { serverIdConflictsOf } from '../../config/server-id-conflicts.ts';
import type { Environment, EnvironmentSpec, EnvironmentSpecInput } from '../../model/environment.ts';
import { inTurns, type Pieces } from '../../model/pieces.ts';
import type { LeasedServer } from '../../model/server.ts';

/**
 * Throws `invalid` if the listener, hosts or static servers of a new or changed environment belong to another environment or to the admin
 * API, or if a static server has the id of a server that joined elsewhere. An
 * environment written without listen, hosts and servers is accepted although its default listener may be taken: servers can be added to it
 * first, and it can get its own address later. Until then the listener stays with the environment that has it.
 */
export async function refuseListenerConflict(
  control: string,
  others: readonly Environment[],
  wanted: { name: string; spec: EnvironmentSpec; input: EnvironmentSpecInput },
  registered: readonly LeasedServer[],
): Promise<void> {
  const { listen, hosts, servers, proxyProtocol, tls } = wanted.input;
  if ([listen, hosts, servers, proxyProtocol, tls?.acme].every((setting) => setting === undefined)) return;
  const conflicts = await inTurns(conflictsOf(control, others, [wanted.name, wanted.spec], registered));
  const faults = conflicts.map(({ path, message }) => ({ path: path.slice(2).join('.'), message }));
  if (faults.length > 0) throw refusal('invalid', faults);
}

function* conflictsOf(
  control: string,
  others: readonly Environment[],
  wanted: NamedSpec,
  registered: readonly LeasedServer[],
): Pieces<Conflict[]> {
  const beside = others.filter((one) => one.name !== wanted[0]).map((one) => [one.name, one.spec] as const);
  return [
    ...(yield* listenerConflictsOf(control, wanted, beside, [...beside, wanted])),
    ...(yield* serverIdConflictsOf(wanted, beside)),
    ...(yield* registeredElsewhere(wanted, registered)),
  ];
}

/** Finds static servers with the id of a living server that is registered, but not in this environment. */
function* registeredElsewhere([name, spec]: NamedSpec, registered: readonly LeasedServer[]): Pieces<Conflict[]> {
  const elsewhere = new Map<string, LeasedServer>();
  for (const server of registered) {
    if (server.leaseRemaining > 0 && server.environment !== name) elsewhere.set(server.id, server);
    yield;
  }
  const conflicts: Conflict[] = [];
  for (const [at, { id }] of spec.servers.entries()) {
    const server = elsewhere.get(id);
    yield;
    if (server === undefined) continue;
    const place = server.environment === undefined ? 'is available' : `is in "${server.environment}"`;
    const message = `is the id of a registered server, which ${place}: use another id`;
    conflicts.push({ path: ['environments', name, 'servers', at, 'id'], message });
  }
  return conflicts;
}
