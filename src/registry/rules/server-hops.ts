import type { HopRequest, ServerHop } from '../../model/hop.ts';
import type { ServerRecord } from '../../model/server.ts';

/** Record after the server has said which key it wants to be certified, and with which certificate it answers; undefined: it said nothing. */
export function withHop(record: ServerRecord, before: ServerHop | undefined, request: HopRequest | undefined): ServerRecord {
  if (request === undefined) return record;
  const { key, serves } = request;
  const certificate = before?.key === key ? before.certificate : undefined;
  const answers = serves !== undefined && serves.environment === record.environment;
  return { ...record, hop: { key, ...(certificate && { certificate }), ...(answers && { serves: true }) } };
}

/** Record of a server whose certificate does not name its environment any more. */
export function withoutCertificate<R extends ServerRecord>(record: R): R {
  return record.hop === undefined ? record : { ...record, hop: { key: record.hop.key } };
}

/** Record without the text of the server's certificate: the server has it already, or the reader is not the server. */
export function withoutPem<R extends ServerRecord>(record: R): R {
  const { hop } = record;
  if (hop?.certificate?.pem === undefined) return record;
  const { pem: _, ...certificate } = hop.certificate;
  return { ...record, hop: { ...hop, certificate } };
}
