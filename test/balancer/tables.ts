import type { TableEnvironment, TableServer } from '../../src/balancer/table.ts';
import { type EnvironmentSpecInput, environmentSpec } from '../../src/model/environment.ts';

/** A healthy server in rotation, with the changes in `more`. */
export function server(id: string, more: Partial<TableServer> = {}): TableServer {
  return { id, instance: `${id}-1`, address: '127.0.0.1:9101', weight: 1, serving: true, health: 'up', ejected: false, ...more };
}

export function table(servers: TableServer[], spec: EnvironmentSpecInput = {}, name = 'production'): TableEnvironment {
  return { name, spec: environmentSpec.parse(spec), servers };
}
