import type { JoinRequest, Renewal } from '../../model/join.ts';
import type { ServerRecord } from '../../model/server.ts';
import type { DocumentOf } from '../documents.ts';

/** Record of a server after it joined. The environment is chosen in the order that `Registry.join` describes. */
export function afterJoin(
  request: JoinRequest,
  old: ServerRecord | undefined,
  assignment: DocumentOf<'assignment'> | undefined,
): ServerRecord {
  const { id, instance, address, source, version, identifies, startedAt, ttl } = request;
  const requested = { id, instance, address, source, version, ...(identifies && { identifies }), startedAt, ttl };
  if (old?.instance === instance) return { ...old, ...requested };
  const environment = request.environment ?? assignment?.environment;
  return {
    ...requested,
    ...(environment === undefined ? {} : { environment }),
    weight: request.weight ?? assignment?.weight ?? 1,
    // The operator's decision outlives a crash of the server.
    draining: old?.draining ?? false,
    leaving: false,
    projects: [],
  };
}

/** Record of a server after its own report. */
export function afterReport({ running: _, ...record }: ServerRecord, { running, projects, leaving = false }: Renewal): ServerRecord {
  return { ...record, ...(running ? { running } : {}), projects, leaving };
}

/** Record of a server after an operator put it into an environment, or made it available (undefined). */
export function afterAssignment(record: ServerRecord, environment: string | undefined, live: boolean): ServerRecord {
  const { movingTo: _, ...settled } = record;
  if (record.environment === environment) return settled;
  const mustDrain = live && record.source === 'join' && record.environment !== undefined;
  return mustDrain ? { ...settled, movingTo: environment ?? null } : afterMove(record, environment);
}

/** Record of a server after it moved to another environment, or to none: it runs nothing there yet, and draining ends with the old one. */
export function afterMove(record: ServerRecord, environment: string | undefined): ServerRecord {
  if (record.environment === environment && record.movingTo === undefined) return record;
  const { environment: _, movingTo: __, running: ___, ...rest } = record;
  return { ...rest, ...(environment === undefined ? {} : { environment }), draining: false, projects: [] };
}
