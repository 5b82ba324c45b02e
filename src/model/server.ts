import * as z from 'zod';
import { address } from './address.ts';
import { serverHop } from './hop.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import { count, weight } from './quantity.ts';
import { snapshotId } from './snapshot.ts';

/** State of one project on a server. */
export const projectState = z.object({
  name,
  /** The revision that answers requests; 0: none. */
  revision: count,
  /** `rejected`: the snapshot's revision could not be applied. An earlier revision, or none, answers requests. */
  state: z.enum(['active', 'rejected']),
  /** Why the revision was rejected. */
  error: z.string().max(2000).exactOptional(),
});

/** The certificate that a server shows to clients which are given its own address. */
export const ownCertificate = z.object({
  /** Its file, as configured. */
  certificate: z.string().max(4096),
  /** The date at which the one in use expires, in milliseconds since 1970. */
  until: z.number(),
  /** Why the files cannot be used as they are now. */
  fault: z.string().max(2000).exactOptional(),
});

/** Origin of a server: it joined, it registers by plain HTTP, or its environment's settings list it. */
export const serverSource = z.enum(['join', 'http', 'static']);

/** The registry's record of one gateway server. */
export const serverRecord = z.object({
  /** The same after a restart. */
  id: name,
  /** New at each start. */
  instance: z.string().min(1).max(100),
  /** The environment that the server belongs to; absent: the server is available. */
  environment: name.exactOptional(),
  /** Environment that the server moves to once it is drained; null: it becomes available. Absent while it does not move. */
  movingTo: name.nullable().exactOptional(),
  address,
  weight,
  /** Set by an operator: finish the requests in flight and take no new ones. */
  draining: z.boolean(),
  /** Set by the server itself: it is about to leave. */
  leaving: z.boolean(),
  source: serverSource,
  /** Version of the program, for people. */
  version: z.string().max(100),
  /** The server says who it is at `/.sluice/ready`, so that balancers compare. Absent: it registers by plain HTTP, or its program is older. */
  identifies: z.literal(true).exactOptional(),
  /** The server is a part of the process of a balancer, which alone can send it requests; its address means nothing. Absent: it is a process of its own. */
  embedded: z.literal(true).exactOptional(),
  /** The snapshot that the server serves; absent until it has applied its first. */
  running: snapshotId.exactOptional(),
  projects: z.array(projectState),
  /** TLS between balancers and the server. Absent: the server registers by plain HTTP, or its program is older. */
  hop: serverHop.exactOptional(),
  /** Absent: the server has none, or its program is older. */
  ownCertificate: ownCertificate.exactOptional(),
  /** Wall-clock milliseconds. */
  startedAt: z.number(),
  /** Duration of the lease in milliseconds. The server renews it before that. */
  ttl: z.int().min(1).max(3_600_000),
});

/**
 * A record with the time left until its lease ends, by the registry's clock. That clock continues while the registry cannot be reached
 * and no lease can be renewed: before acting on an ended lease, allow a whole `ttl` from `Registry.link.since`.
 */
export const leasedServer = serverRecord.extend({
  /** Milliseconds until the lease ends; negative once it has ended. */
  leaseRemaining: z.number(),
});

/** Changes that an operator may make to a server. */
export const serverPatch = z.strictObject({ draining: z.boolean().exactOptional(), weight: weight.exactOptional() });

export type ProjectState = Immutable<z.output<typeof projectState>>;
export type OwnCertificate = Immutable<z.output<typeof ownCertificate>>;
export type ServerSource = z.output<typeof serverSource>;
export type ServerRecord = Immutable<z.output<typeof serverRecord>>;
export type LeasedServer = Immutable<z.output<typeof leasedServer>>;
export type ServerPatch = Immutable<z.output<typeof serverPatch>>;

/** True if the server should get new requests, as far as the registry knows. */
export function acceptsTraffic(server: ServerRecord): boolean {
  return server.environment !== undefined && server.movingTo === undefined && !server.draining && !server.leaving;
}
