import type { JoinRequest, Renewal } from '../../model/join.ts';
import type { ServerRecord } from '../../model/server.ts';
import type { DocumentOf } from '../documents.ts';
import { withHop, withoutCertificate } from './server-hops.ts';

/** Record of a server after it joined. The environment is chosen in the order that `Registry.join` describes. */
export function afterJoin(
  request: JoinRequest,
  old: ServerRecord | undefined,
  assignment: DocumentOf<'assignment'> | undefined,
): ServerRecord {
  const { id, instance, address, source, version, identifies, embedded, ownCertificate, startedAt, ttl } = request;
  const told = { ...(identifies && { identifies }), ...(embedded && { embedded }), ...(ownCertificate && { ownCertificate }) };
  const requested = { id, instance, address, source, version, ...told, startedAt, ttl };
  if (old?.instance === instance) return withHop({ ...withoutCertificates(old), ...requested }, old.hop, request.hop);
  const environment = request.environment ?? assignment?.environment;
  const record = {
    ...requested,
    ...(environment === undefined ? {} : { environment }),
    weight: request.weight ?? assignment?.weight ?? 1,
    // The operator's decision outlives a crash of the server.
    draining: old?.draining ?? false,
    leaving: false,
    projects: [],
  };
  return withHop(record, old?.environment === environment ? old?.hop : undefined, request.hop);
}

/** Record of a server after its own report. */
export function afterReport(
  { running: _, ...record }: ServerRecord,
  { running, projects, leaving = false, hop, ownCertificate }: Renewal,
): ServerRecord {
  const told = { ...(running && { running }), ...(ownCertificate && { ownCertificate }) };
  return withHop({ ...record, ...told, projects, leaving }, record.hop, hop);
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
  const { environment: _, movingTo: __, running: ___, ...rest } = record.environment === environment ? record : withoutCertificate(record);
  return { ...rest, ...(environment === undefined ? {} : { environment }), draining: false, projects: [] };
}

/** A server that joins without a key answers balancers without TLS, and one that tells of no certificate for clients has none. */
function withoutCertificates({ hop: _, ownCertificate: __, ...record }: ServerRecord): ServerRecord {
  return record;
}
