import type { EnvironmentSpec } from '../model/environment.ts';
import type { Conflict } from './listener-conflicts.ts';

/**
 * Finds static servers that have the id of a static server of another environment. An id alone names one server for every command, in the admin
 * API and in responses (`x-served-by`), where there is no room for an environment.
 */
export function serverIdConflicts(environments: Readonly<Record<string, EnvironmentSpec>>): Conflict[] {
  const owners = new Map<string, string>();
  return Object.entries(environments).flatMap(([name, { servers }]) =>
    servers.flatMap(({ id }, at): Conflict[] => {
      const owner = owners.get(id) ?? name;
      owners.set(id, owner);
      if (owner === name) return [];
      const message = `is the id of a server in "${owner}" as well, and commands name a server by its id alone: call them for example "${name}-${id}" and "${owner}-${id}"; they may have the same address`;
      return [{ path: ['environments', name, 'servers', at, 'id'], message }];
    }),
  );
}
