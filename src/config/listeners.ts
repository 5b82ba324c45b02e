import type { EnvironmentSpec } from '../model/environment.ts';
import { parseAddress } from '../model/quantity.ts';

/** Something at `path` that cannot be where it is. */
export interface Misplaced {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/**
 * Whether the environments and the control address can be served side by side: nobody's address taken by somebody else, and every
 * request of a shared listener meant for one environment only. Paths of the faults are those of the configuration file.
 */
export function listenerFaults(control: string, environments: Readonly<Record<string, EnvironmentSpec>>): Misplaced[] {
  const faults: Misplaced[] = [];
  const entries = Object.entries(environments);
  for (const [index, [name, spec]] of entries.entries()) {
    const complain = (path: PropertyKey[], message: string) => faults.push({ path: ['environments', name, ...path], message });
    if (clash(control, spec.listen))
      complain(['listen'], `takes the address of control.listen (${control}): give one of them another port`);
    spec.servers.forEach((server, at) => {
      if (server.address === spec.listen)
        complain(['servers', at, 'address'], "is the environment's own listener: requests would go round in circles");
    });
    for (const [other, earlier] of entries.slice(0, index)) {
      if (earlier.listen !== spec.listen) {
        if (clash(earlier.listen, spec.listen))
          complain(['listen'], `overlaps with ${earlier.listen} of "${other}": write the same address in both, or another port`);
        continue;
      }
      if (earlier.hosts.length === 0 && spec.hosts.length === 0) {
        complain(
          ['hosts'],
          `is empty, and so it is for "${other}" on the same listener ${spec.listen}: name the hosts of one of them, or give it another port`,
        );
      }
      for (const host of spec.hosts.filter((one) => earlier.hosts.includes(one)))
        complain(['hosts'], `names "${host}", which is "${other}"'s on the same listener`);
    }
  }
  return faults;
}

/** Whether the kernel would refuse to open both; a port of 0 is whichever is free. */
function clash(one: string, other: string): boolean {
  const [first, second] = [parseAddress(one), parseAddress(other)];
  if (first.port !== second.port || first.port === 0) return false;
  return first.host === second.host || [first.host, second.host].some((host) => host === '0.0.0.0' || host === '::');
}
