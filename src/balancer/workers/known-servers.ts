import type { Pieces } from '../../model/pieces.ts';
import { sameFields } from '../../model/same-fields.ts';
import type { TableEnvironment } from '../table.ts';

/** A table that came as a message, with the same objects as the table before it for the servers that have not changed. */
export function* withKnownServers(table: TableEnvironment, before: TableEnvironment | undefined): Pieces<TableEnvironment> {
  if (before === undefined) return table;
  const known = new Map(before.servers.map((server) => [server.id, server]));
  const servers: TableEnvironment['servers'][number][] = [];
  for (const server of table.servers) {
    const same = known.get(server.id);
    servers.push(same !== undefined && sameFields(same, server) ? same : server);
    yield;
  }
  return { ...table, servers };
}
