import { listenerFaults } from '../../config/listeners.ts';
import { refusal } from '../../config/refusal.ts';
import type { Environment, EnvironmentSpec, EnvironmentSpecInput } from '../../model/environment.ts';

/**
 * Refuses (`invalid`) an environment whose listener or hosts, as asked for, are another's. One that leaves both out is
 * let in: it can be filled with servers first and get its address later; until then the listener stays its owner's.
 */
export function refuseClash(
  control: string,
  others: readonly Environment[],
  wanted: { name: string; spec: EnvironmentSpec; input: EnvironmentSpecInput },
): void {
  if (wanted.input.listen === undefined && wanted.input.hosts === undefined && wanted.input.servers === undefined) return;
  const beside = others.filter((one) => one.name !== wanted.name).map((one) => [one.name, one.spec] as const);
  const faults = listenerFaults(control, { ...Object.fromEntries(beside), [wanted.name]: wanted.spec })
    .filter(({ path }) => path[1] === wanted.name)
    .map(({ path, message }) => ({ path: path.slice(2).join('.'), message }));
  if (faults.length > 0) throw refusal('invalid', faults);
}
