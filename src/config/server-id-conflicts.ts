import type { EnvironmentSpec } from '../model/environment.ts';
import type { Conflict } from './listener-conflicts.ts';

/** Finds static servers that have the id of a static server of another environment: an id names one server. */
export function serverIdConflicts(environments: Readonly<Record<string, EnvironmentSpec>>): Conflict[] {
  const owners = new Map<string, string>();
  return Object.entries(environments).flatMap(([name, { servers }]) =>
    servers.flatMap(({ id }, at): Conflict[] => {
      const owner = owners.get(id) ?? name;
      owners.set(id, owner);
      if (owner === name) return [];
      const message = `is the id of a server in "${owner}" as well: give each server an id of its own`;
      return [{ path: ['environments', name, 'servers', at, 'id'], message }];
    }),
  );
}
