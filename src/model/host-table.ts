import { covers } from './address.ts';

/** The listener and hosts that an environment claims; they decide which requests belong to it. */
export interface HostClaim {
  readonly name: string;
  readonly listen: string;
  /** Empty: the environment is the listener's default, for every host that no other environment claims. */
  readonly hosts: readonly string[];
}

/** Two environments claim the same host, or both claim to be a listener's default; `loser` does not get it. */
export interface HostConflict {
  readonly listen: string;
  /** `undefined` if the conflict is over the listener's default. */
  readonly host?: string;
  readonly winner: string;
  readonly loser: string;
}

/**
 * Finds an environment by listener and Host: the exact name, then the longest wildcard, then the listener's default.
 * If two environments claim the same host, the earlier one keeps it, so that a new environment takes no traffic from others.
 */
export class HostTable {
  readonly conflicts: readonly HostConflict[];
  readonly #listeners = new Map<string, HostMap>();
  readonly #covered = new Map<string, HostMap | undefined>();

  /** @param claims in order of precedence */
  constructor(claims: Iterable<HostClaim>) {
    const conflicts: HostConflict[] = [];
    for (const { name, listen, hosts } of claims) {
      const map = this.#listeners.get(listen) ?? { exact: new Map(), wildcard: new Map(), fallback: undefined };
      this.#listeners.set(listen, map);
      if (hosts.length === 0) {
        if (map.fallback === undefined) map.fallback = name;
        else conflicts.push({ listen, winner: map.fallback, loser: name });
      }
      for (const host of hosts) {
        const [names, key] = host.startsWith('*.') ? [map.wildcard, host.slice(2)] : [map.exact, host];
        const winner = names.get(key);
        if (winner === undefined) names.set(key, name);
        else if (winner !== name) conflicts.push({ listen, host, winner, loser: name });
      }
    }
    this.conflicts = conflicts;
  }

  /** The addresses that environments name. */
  get listeners(): ReadonlySet<string> {
    return new Set(this.#listeners.keys());
  }

  /** Name of the environment for `authority` (host with or without port) on a listener. */
  find(listen: string, authority: string): string | undefined {
    const map = this.#listeners.get(listen) ?? this.#covering(listen);
    if (map === undefined) return undefined;
    if (map.exact.size + map.wildcard.size === 0) return map.fallback;
    const host = hostOf(authority);
    return map.exact.get(host) ?? byWildcard(map.wildcard, host) ?? map.fallback;
  }

  /** The hosts of a wider address than `listen`, whose listener was kept when its environments moved to the wider one. */
  #covering(listen: string): HostMap | undefined {
    if (!this.#covered.has(listen)) {
      const wide = [...this.#listeners.keys()].find((address) => covers(address, listen));
      this.#covered.set(listen, wide === undefined ? undefined : this.#listeners.get(wide));
    }
    return this.#covered.get(listen);
  }
}

interface HostMap {
  readonly exact: Map<string, string>;
  /** Keyed by the name after `*.`. */
  readonly wildcard: Map<string, string>;
  fallback: string | undefined;
}

function byWildcard(wildcard: ReadonlyMap<string, string>, host: string): string | undefined {
  if (wildcard.size === 0) return undefined;
  for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1)) {
    const found = wildcard.get(host.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Drops the port and the dot that ends a fully qualified name; an IPv6 address keeps its brackets. */
function hostOf(authority: string): string {
  const bracket = authority.lastIndexOf(']');
  const colon = authority.indexOf(':', bracket + 1);
  const host = colon < 0 ? authority : authority.slice(0, colon);
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}
