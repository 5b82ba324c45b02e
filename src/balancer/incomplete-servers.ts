import type { ServerRecord } from '../model/server.ts';

/** A server of an environment: its report, and whether it can take requests. */
export interface ReportingServer {
  readonly record: Pick<ServerRecord, 'id' | 'projects'>;
  readonly usable: boolean;
}

/**
 * Finds the servers that serve no revision of a project which another, usable server serves, each with the names of these projects. Such a
 * server would answer 404 to requests that the other answers. A server counts only as better if it lacks nothing that the worse one
 * serves; so at least one usable server is left.
 */
export function incompleteServers(servers: readonly ReportingServer[]): ReadonlyMap<string, readonly string[]> {
  const none: ReadonlyMap<string, readonly string[]> = new Map();
  const lacking = servers.filter(({ record }) => lackedBy(record).length > 0);
  if (lacking.length === 0) return none;
  const better = servers.filter(({ usable }) => usable).map(({ record }) => ({ served: servedBy(record), lacked: lackedBy(record) }));
  const found = new Map<string, readonly string[]>();
  for (const { record } of lacking) {
    const served = servedBy(record);
    const lacked = lackedBy(record);
    const rival = better.find((other) => lacked.some((name) => other.served.has(name)) && !other.lacked.some((name) => served.has(name)));
    if (rival !== undefined)
      found.set(
        record.id,
        lacked.filter((name) => rival.served.has(name)),
      );
  }
  // While servers report different snapshots, each may have a better one.
  return servers.some(({ record, usable }) => usable && !found.has(record.id)) ? found : none;
}

function lackedBy({ projects }: ReportingServer['record']): string[] {
  return projects.filter(({ state, revision }) => state === 'rejected' && revision === 0).map(({ name }) => name);
}

function servedBy({ projects }: ReportingServer['record']): ReadonlySet<string> {
  return new Set(projects.filter(({ revision }) => revision > 0).map(({ name }) => name));
}
