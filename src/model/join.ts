import * as z from 'zod';
import { hopRequest } from './hop.ts';
import type { Immutable } from './immutable.ts';
import { manifest } from './manifest.ts';
import { name } from './name.ts';
import { leasedServer, serverRecord, serverSource } from './server.ts';
import { receivedSnapshot, snapshotId } from './snapshot.ts';

const { id, instance, environment, address, weight, version, identifies, embedded, projects, ownCertificate, startedAt, ttl } =
  serverRecord.shape;

/** The server understands {@link joinAnswer}'s `update`. Absent: its program is older, and gets whole snapshots. */
const updates = z.literal(true).exactOptional();

/** Secret by which a server that restarts proves that it held its id before. It is shown to the registry only, which keeps its digest. */
export const leaseSecret = z.string().regex(/^[\x21-\x7e]{16,256}$/, 'must be 16 to 256 visible ASCII characters without spaces');

/** Request of a server for a lease. */
export const joinRequest = z.object({
  id,
  instance,
  environment,
  address,
  /** Absent: the weight that an operator set, else 1. */
  weight: weight.exactOptional(),
  source: serverSource.exclude(['static']),
  version,
  identifies,
  embedded,
  startedAt,
  ttl,
  updates,
  /** The snapshot that the server has already, and the environment it belongs to. */
  holds: snapshotId.extend({ environment: name }).exactOptional(),
  /** Absent: the server is older, or registers by plain HTTP without one. */
  secret: leaseSecret.exactOptional(),
  /** Absent: the server answers balancers without TLS. */
  hop: hopRequest.exactOptional(),
  ownCertificate,
  /** The server lost its lease to another instance before: it must not take the id back while that one holds it, even with the same secret. */
  yields: z.literal(true).exactOptional(),
});

/** Report of a server that extends its lease. */
export const renewal = z.object({
  id,
  instance,
  running: snapshotId.exactOptional(),
  projects,
  leaving: z.boolean().exactOptional(),
  /** The server, which moves to another environment, has finished its requests in the old one. */
  drained: z.boolean().exactOptional(),
  /** The snapshot that the server has already; the answer carries a snapshot only if it differs. */
  holds: snapshotId.exactOptional(),
  updates,
  /** The same as in {@link joinRequest}; absent: as it was. */
  hop: hopRequest.exactOptional(),
  /** The same as in {@link joinRequest}; absent: as it was. */
  ownCertificate,
  /** The same as in {@link joinRequest}, for the first call on a new connection. */
  secret: leaseSecret.exactOptional(),
});

/** Answer to a join request or a renewal. */
export const joinAnswer = z.object({
  server: leasedServer,
  /** The environment's current snapshot, unless the server holds it already; absent for an available server. */
  snapshot: receivedSnapshot.exactOptional(),
  /** The same for a server that understands updates: what changed since the snapshot that the server holds, or everything, without contents. */
  update: manifest.exactOptional(),
  /** There is something new for the server, though others are served first: the server renews its lease again in a moment. */
  later: z.literal(true).exactOptional(),
});

export type JoinRequest = Immutable<z.output<typeof joinRequest>>;
export type Renewal = Immutable<z.output<typeof renewal>>;
export type JoinAnswer = Immutable<z.output<typeof joinAnswer>>;
