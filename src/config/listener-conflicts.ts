import { overlap } from '../model/address.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import { acmeConflicts } from './acme-conflicts.ts';

/** A conflict of the setting at `path` with another one. */
export interface Conflict {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Finds conflicts between the environments' listeners and the control address: an address that is taken twice, or a request on a
 * shared listener that could belong to two environments. The paths are those of the configuration file.
 */
export function listenerConflicts(control: string, environments: Readonly<Record<string, EnvironmentSpec>>): Conflict[] {
  const entries = Object.entries(environments);
  return entries.flatMap((one, index) => atOnce(listenerConflictsOf(control, one, entries.slice(0, index), entries)));
}

/** Name and settings of an environment. */
export type NamedSpec = readonly [name: string, spec: EnvironmentSpec];

/** Finds the conflicts of one environment with others that come before it, in pieces: they may have thousands of servers. */
export function* listenerConflictsOf(
  control: string,
  [name, spec]: NamedSpec,
  before: readonly NamedSpec[],
  entries: readonly NamedSpec[],
): Pieces<Conflict[]> {
  const conflicts: Conflict[] = [];
  const complain = (path: PropertyKey[], message: string) => conflicts.push({ path: ['environments', name, ...path], message });
  if (overlap(control, spec.listen))
    complain(['listen'], `is the address of control.listen as well (${control}): give one of them another port`);
  const redirect = spec.tls?.redirectFrom;
  if (redirect !== undefined) {
    const taken = [['control.listen', control] as const, ...entries.map(([one, { listen }]) => [`listen of "${one}"`, listen] as const)];
    for (const [place, address] of taken)
      if (overlap(address, redirect))
        complain(['tls', 'redirectFrom'], `overlaps with ${place} (${address}): give one of them another port`);
  }
  for (const { path, message } of acmeConflicts(spec, entries)) complain(['tls', ...path], message);
  for (const [at, server] of spec.servers.entries()) {
    if (server.address === spec.listen) complain(['servers', at, 'address'], "is the environment's own listener: its requests would loop");
    yield;
  }
  for (const [other, earlier] of before) {
    yield;
    if (redirect !== undefined && earlier.tls?.redirectFrom !== undefined) {
      const same = redirect === earlier.tls.redirectFrom;
      if (!same && overlap(redirect, earlier.tls.redirectFrom))
        complain(
          ['tls', 'redirectFrom'],
          `overlaps with ${earlier.tls.redirectFrom} of "${other}": use the same address in both, or another port`,
        );
      if (same && (earlier.listen !== spec.listen || earlier.tls.publicPort !== spec.tls?.publicPort))
        complain(['tls', 'redirectFrom'], `is that of "${other}", which has another listener or publicPort: a redirect leads to one port`);
    }
    if (earlier.listen !== spec.listen) {
      if (overlap(earlier.listen, spec.listen))
        complain(['listen'], `overlaps with ${earlier.listen} of "${other}": use the same address in both, or another port`);
      continue;
    }
    if (!sameMembers(earlier.proxyProtocol, spec.proxyProtocol))
      complain(['proxyProtocol'], `differs from that of "${other}" on the same listener ${spec.listen}: give both the same list`);
    if ((earlier.tls === undefined) !== (spec.tls === undefined)) {
      const [secured, plain] = spec.tls === undefined ? [other, name] : [name, other];
      complain(
        ['tls'],
        `is ${spec.tls === undefined ? 'missing' : 'given'}, but "${secured}" on the same listener ${spec.listen} has TLS and "${plain}" is plain: give both tls, or one of them another port`,
      );
    } else if (earlier.tls?.minVersion !== spec.tls?.minVersion) {
      complain(['tls', 'minVersion'], `is not the same as in "${other}" on the same listener ${spec.listen}: it holds for both`);
    }
    if (earlier.hosts.length === 0 && spec.hosts.length === 0) {
      complain(
        ['hosts'],
        `is empty, as in "${other}" on the same listener ${spec.listen}: list the hosts of one of them, or give it another port`,
      );
    }
    for (const host of spec.hosts.filter((one) => earlier.hosts.includes(one)))
      complain(['hosts'], `lists "${host}", which belongs to "${other}" on the same listener`);
  }
  return conflicts;
}

function sameMembers(one: readonly string[], other: readonly string[]): boolean {
  return one.every((member) => other.includes(member)) && other.every((member) => one.includes(member));
}
