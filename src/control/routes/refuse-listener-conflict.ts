import { type Conflict, listenerConflicts } from '../../config/listener-conflicts.ts';
import { refusal } from '../../config/refusal.ts';
import { serverIdConflicts } from '../../config/server-id-conflicts.ts';
import type { Environment, EnvironmentSpec, EnvironmentSpecInput } from '../../model/environment.ts';
import type { LeasedServer } from '../../model/server.ts';

/**
 * Throws `invalid` if the listener, hosts or static servers of a new or changed environment belong to another environment or to the admin
 * API, or if a static server has the id of a server that joined elsewhere. An
 * environment written without listen, hosts and servers is accepted although its default listener may be taken: servers can be added to it
 * first, and it can get its own address later. Until then the listener stays with the environment that has it.
 */
export function refuseListenerConflict(
  control: string,
  others: readonly Environment[],
  wanted: { name: string; spec: EnvironmentSpec; input: EnvironmentSpecInput },
  registered: readonly LeasedServer[],
): void {
  const { listen, hosts, servers, proxyProtocol, tls } = wanted.input;
  if ([listen, hosts, servers, proxyProtocol, tls?.acme].every((setting) => setting === undefined)) return;
  const beside = others.filter((one) => one.name !== wanted.name).map((one) => [one.name, one.spec] as const);
  const all = { ...Object.fromEntries(beside), [wanted.name]: wanted.spec };
  const faults = [...listenerConflicts(control, all), ...serverIdConflicts(all), ...registeredElsewhere(wanted, registered)]
    .filter(({ path }) => path[1] === wanted.name)
    .map(({ path, message }) => ({ path: path.slice(2).join('.'), message }));
  if (faults.length > 0) throw refusal('invalid', faults);
}

/** Finds static servers with the id of a living server that is registered, but not in this environment. */
function registeredElsewhere({ name, spec }: { name: string; spec: EnvironmentSpec }, registered: readonly LeasedServer[]): Conflict[] {
  const living = new Map(registered.filter(({ leaseRemaining }) => leaseRemaining > 0).map((server) => [server.id, server]));
  return spec.servers.flatMap(({ id }, at): Conflict[] => {
    const server = living.get(id);
    if (server === undefined || server.environment === name) return [];
    const place = server.environment === undefined ? 'is available' : `is in "${server.environment}"`;
    return [
      { path: ['environments', name, 'servers', at, 'id'], message: `is the id of a registered server, which ${place}: use another id` },
    ];
  });
}
