import type { ServerRecord } from '../../model/server.ts';
import type { JoinRequest, Renewal } from '../contract.ts';
import type { DocumentOf } from '../documents.ts';

/** What a server's record becomes when it joins; the order in which its environment is found is that of `Registry.join`. */
export function joined(
  request: JoinRequest,
  old: ServerRecord | undefined,
  assignment: DocumentOf<'assignment'> | undefined,
): ServerRecord {
  const { id, instance, address, source, version, startedAt, ttl } = request;
  const told = { id, instance, address, source, version, startedAt, ttl };
  if (old?.instance === instance) return { ...old, ...told };
  const environment = request.environment ?? assignment?.environment;
  return {
    ...told,
    ...(environment === undefined ? {} : { environment }),
    weight: request.weight ?? assignment?.weight ?? 1,
    // The operator's wish outlives a crash of the server.
    draining: old?.draining ?? false,
    leaving: false,
    projects: [],
  };
}

/** What it becomes by its own report. */
export function reported({ running: _, ...record }: ServerRecord, { running, projects, leaving = false }: Renewal): ServerRecord {
  return { ...record, ...(running ? { running } : {}), projects, leaving };
}

/** What it becomes when an operator puts it into an environment, or in none. */
export function assigned(record: ServerRecord, environment: string | undefined, live: boolean): ServerRecord {
  const { movingTo: _, ...settled } = record;
  if (record.environment === environment) return settled;
  const mustDrain = live && record.source === 'join' && record.environment !== undefined;
  return mustDrain ? { ...settled, movingTo: environment ?? null } : moved(record, environment);
}

/** What it becomes in another environment, or in none: nothing of that one runs on it yet, and a wish to drain it was for the old one. */
export function moved(record: ServerRecord, environment: string | undefined): ServerRecord {
  if (record.environment === environment && record.movingTo === undefined) return record;
  const { environment: _, movingTo: __, running: ___, ...rest } = record;
  return { ...rest, ...(environment === undefined ? {} : { environment }), draining: false, projects: [] };
}
