import { type EnvironmentSpec, staticIds } from '../model/environment.ts';
import { atOnce, type Pieces } from '../model/pieces.ts';
import type { Conflict, NamedSpec } from './listener-conflicts.ts';

/**
 * Finds static servers that have the id of a static server of another environment. An id alone names one server for every command, in the admin
 * API and in responses (`x-served-by`), where there is no room for an environment.
 */
export function serverIdConflicts(environments: Readonly<Record<string, EnvironmentSpec>>): Conflict[] {
  const entries = Object.entries(environments);
  return entries.flatMap((one, index) => atOnce(serverIdConflictsOf(one, entries.slice(0, index))));
}

/** Finds those of one environment that conflict with others before it, in pieces: there may be thousands of servers. */
export function* serverIdConflictsOf([name, { servers }]: NamedSpec, before: readonly NamedSpec[]): Pieces<Conflict[]> {
  const owners: { readonly owner: string; readonly ids: ReadonlySet<string> }[] = [];
  for (const [owner, spec] of before) {
    if (spec.servers.length > 0) owners.push({ owner, ids: staticIds(spec) });
    yield;
  }
  const conflicts: Conflict[] = [];
  for (const [at, { id }] of servers.entries()) {
    const found = owners.find(({ ids }) => ids.has(id));
    yield;
    if (found === undefined) continue;
    const { owner } = found;
    const message = `is the id of a server in "${owner}" as well, and commands name a server by its id alone: call them for example "${name}-${id}" and "${owner}-${id}"; they may have the same address`;
    conflicts.push({ path: ['environments', name, 'servers', at, 'id'], message });
  }
  return conflicts;
}
