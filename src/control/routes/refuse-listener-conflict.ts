import { listenerConflicts } from '../../config/listener-conflicts.ts';
import { refusal } from '../../config/refusal.ts';
import type { Environment, EnvironmentSpec, EnvironmentSpecInput } from '../../model/environment.ts';

/**
 * Throws `invalid` if the listener or hosts of a new or changed environment belong to another environment or to the admin API. An
 * environment written without listen, hosts and servers is accepted although its default listener may be taken: servers can be added to it
 * first, and it can get its own address later. Until then the listener stays with the environment that has it.
 */
export function refuseListenerConflict(
  control: string,
  others: readonly Environment[],
  wanted: { name: string; spec: EnvironmentSpec; input: EnvironmentSpecInput },
): void {
  if (wanted.input.listen === undefined && wanted.input.hosts === undefined && wanted.input.servers === undefined) return;
  const beside = others.filter((one) => one.name !== wanted.name).map((one) => [one.name, one.spec] as const);
  const faults = listenerConflicts(control, { ...Object.fromEntries(beside), [wanted.name]: wanted.spec })
    .filter(({ path }) => path[1] === wanted.name)
    .map(({ path, message }) => ({ path: path.slice(2).join('.'), message }));
  if (faults.length > 0) throw refusal('invalid', faults);
}
