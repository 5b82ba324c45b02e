import * as z from 'zod';
import { environmentSpec } from '../model/environment.ts';
import { serverHop } from '../model/hop.ts';
import type { Immutable } from '../model/immutable.ts';
import { healthState, serverState } from '../model/live.ts';
import { projectSummary as projectSummarySchema, revisionNumber, revision as revisionSchema } from '../model/revision.ts';
import { projectState, serverRecord } from '../model/server.ts';
import { deployedProject, snapshot, snapshotId as snapshotIdSchema } from '../model/snapshot.ts';
import { unreadDocument } from '../model/unread-document.ts';
import { downUrl } from './usage-answers.ts';

// Answers of the admin API. Times are wall-clock milliseconds since 1970; absent values are null unless the schema says optional.

const { name } = revisionSchema.shape;
const { id, instance, address, weight, draining, source, version, projects, startedAt, ttl } = serverRecord.shape;
const { epoch, version: snapshotVersion, hash, variables } = snapshot.shape;

const snapshotId = snapshotIdSchema.meta({
  id: 'SnapshotId',
  description:
    'one state of an environment: the epoch of its registry, a version that rises by one with every change, and a hash of the content',
});

export const serverAnswer = z
  .object({
    id,
    instance: instance.nullable().meta({ description: 'identifies one start of the server process; null for a static server' }),
    environment: name.nullable().meta({ description: 'null: the server is available' }),
    movingTo: name.nullable().optional().meta({
      description: 'the environment that the server moves to once drained; null: it becomes available; absent: it is not moving',
    }),
    address: address.nullable().meta({ description: 'where balancers reach the server; null: it is a part of the process of a balancer' }),
    embedded: z
      .literal(true)
      .optional()
      .meta({ description: 'the server is a part of the process of a balancer; absent: it is a process of its own' }),
    elsewhere: z.literal(true).optional().meta({
      description:
        'the server is a part of another balancer, which alone sends it requests and knows its health; absent: this balancer sends it requests',
    }),
    proxyProtocol: z
      .enum(['v1', 'v2'])
      .optional()
      .meta({ description: 'version of the PROXY protocol that Sluice speaks to a static server; absent: none' }),
    weight,
    state: serverState,
    health: healthState,
    reason: z.string().optional().meta({ description: 'why the server is down, or takes requests without a lease' }),
    leaseEndedAt: z.number().optional().meta({
      description: 'when the lease of a server ended that still takes requests because it answers; absent while the lease is held',
    }),
    source,
    hop: z
      .object({
        tls: z.boolean().meta({ description: 'this balancer reaches the server by mutual TLS' }),
        until: z
          .number()
          .nullable()
          .meta({ description: 'when its present certificate ends; it is renewed long before; null: it has none yet' }),
      })
      .optional()
      .meta({ description: "connections of balancers to the server; absent: the server does not ask for a certificate of the registry's" }),
    ownCertificate: z
      .object({
        certificate: z.string().meta({ description: 'its file on the machine of the server' }),
        until: z.number().meta({ description: 'when it expires' }),
        fault: z
          .string()
          .optional()
          .meta({ description: 'why the files cannot be used as they are now; the certificate that was read before stays in use' }),
      })
      .optional()
      .meta({ description: "certificate for clients that are given the server's own address (--tls-certificate); absent: it has none" }),
    version: version.nullable().meta({ description: "version of the server's program; null for a static server" }),
    running: snapshotId.nullable(),
    projects,
    active: z.int().meta({ description: 'requests in flight, upgraded connections included' }),
    requests: z.int().meta({ description: 'requests that this balancer has sent to the server, retries included' }),
    serverErrors: z.int().meta({
      description: 'requests among them that failed through the server: no response, or a 5xx status for which it names nothing else',
    }),
    targetErrors: z.int().meta({ description: 'requests among them that failed through a target or project: the server says so' }),
    startedAt: startedAt.nullable(),
    lastSeen: z.number().nullable(),
  })
  .meta({
    id: 'Server',
    description: 'a gateway server: its record in the registry, with the health and counts that this balancer has for it',
  });

export const registryAnswer = z
  .object({
    up: z.boolean().meta({ description: 'the registry can be reached' }),
    reason: z.string().nullable().meta({ description: 'why the registry cannot be reached; null while it can' }),
    refuses: z.string().nullable().meta({ description: 'why the registry refuses writes, and what to do; null while it takes them' }),
    unread: z.array(unreadDocument).meta({ description: 'documents that this balancer could not read, or not entirely' }),
  })
  .meta({ id: 'Registry', description: "a balancer's connection to its registry" });

/** A certificate from files. */
const fileCertificate = z.object({
  certificate: z.string().meta({ description: 'its file' }),
  names: z.array(z.string()).meta({ description: 'DNS names and IP addresses that it covers' }),
  until: z.number().nullable().meta({ description: 'when it expires; null: this balancer could never use it' }),
  fault: z.string().optional().meta({
    description: 'why the files cannot be used as they are now, and what to do; the certificate that was read before stays in use',
  }),
});

export const controlAnswer = z
  .object({
    certificate: fileCertificate.nullable().meta({ description: 'certificate of the control address; null: it speaks plain HTTP' }),
  })
  .meta({ id: 'Control', description: "a balancer's control address" });

export const joinTokenAnswer = z
  .object({ token: z.string() })
  .meta({ id: 'JoinToken', description: 'the token with which a new server joins' });

export const environmentAnswer = environmentSpec
  .extend({
    name,
    status: z.object({
      listening: z.string().nullable().meta({ description: 'address that the listener is bound to; null while it is not open' }),
      connections: z
        .object({
          open: z.int().meta({ description: 'open client connections of the listener, on this balancer' }),
          limit: z.int().nullable().meta({
            description:
              'greatest number of them: limits.connections, or what the limit of open files leaves room for; null: no limit is known',
          }),
          closedForRoom: z.int().meta({ description: 'idle ones that were closed to make room for others' }),
          refused: z.int().meta({ description: 'connections refused because there was no room and none was idle' }),
          withoutProxyHeader: z.int().meta({
            description: 'connections from addresses in proxyProtocol that were refused, because they did not begin with a valid header',
          }),
        })
        .nullable()
        .meta({ description: 'clients of the listener, which environments may share; null while it is not open' }),
      certificates: z
        .array(
          z.object({
            certificate: z.string().meta({ description: 'its file, or the host that an authority issues it for' }),
            names: z
              .array(z.string())
              .meta({ description: 'DNS names and IP addresses that it covers; none for authorities of client certificates' }),
            until: z.number().nullable().meta({ description: 'when it expires; null: this balancer could never use it' }),
            fault: z.string().optional().meta({
              description:
                'why the files cannot be used as they are now, and what to do; the certificate that was read before stays in use, or this one, if it is only out of date and there is no other',
            }),
            revoked: z.int().optional().meta({
              description:
                'number of certificates that this revocation list names; absent: it is no revocation list. `until` is when the next list is due',
            }),
            acme: z
              .object({
                renewal: z
                  .number()
                  .nullable()
                  .meta({ description: 'when it is renewed; null: there is none yet, and a self-signed one answers' }),
                failure: z
                  .object({
                    at: z.number().meta({ description: 'when the last attempt failed' }),
                    attempts: z.int().meta({ description: 'attempts since the last certificate' }),
                    reason: z.string().meta({ description: 'what happened, and what to do' }),
                    next: z.number().meta({ description: 'when the next attempt is due' }),
                  })
                  .optional()
                  .meta({ description: 'failed attempts to get a new certificate; absent: the last one succeeded' }),
              })
              .optional()
              .meta({ description: 'state of a certificate that an authority issues; absent: it comes from files' }),
          }),
        )
        .optional()
        .meta({
          description:
            'certificates of the listener, and of the authorities of its clients with their revocation lists, on this balancer; absent: it has no TLS',
        }),
      snapshot: snapshotId,
      origins: z.record(z.string(), z.enum(['file', 'api'])).meta({
        description:
          'origin of each setting that differs from its default, by dotted path: the configuration file (with its environment variables), or a change through the admin API, command line or dashboard. A restart or reload applies only what changed in the file',
      }),
      targetsDown: z.array(downUrl).optional().meta({
        description:
          'URLs of targets to which servers send no requests, in the answer for one environment; absent: none, or no server has answered soon',
      }),
      unread: z.string().optional().meta({
        description: 'why this version of Sluice does not understand the stored settings, or only in part; absent: it understands them',
      }),
    }),
  })
  .meta({ id: 'Environment', description: 'an environment: its settings with every default filled in, and its status' });

const deployment = z.object({
  project: name,
  revision: revisionNumber,
  basePath: z.string(),
  since: snapshotVersion.optional().meta({
    description:
      'version of the environment that deployed this revision: a server that runs it or a later one, and does not report that it rejects the project, runs the revision; absent if an older version of Sluice deployed it',
  }),
});

const serverProgress = z.object({
  id,
  state: z.enum(['active', 'pending', 'rejected', 'unreported', 'lost']).meta({
    description: 'unreported: the server registers by plain HTTP and does not report what it runs; lost: its lease expired',
  }),
  revision: projectState.shape.revision.meta({ description: 'the revision that the server runs; 0: none, or unknown' }),
  error: projectState.shape.error.meta({ description: 'why the revision was rejected' }),
});

export const deploymentsAnswer = snapshotId
  .extend({
    environment: name,
    deployments: z.array(deployment.extend({ servers: z.array(serverProgress) })),
    servers: z
      .array(z.object({ id, state: z.enum(['current', 'behind', 'unreported', 'lost']), version: snapshotVersion.nullable() }))
      .meta({ description: 'progress of each server with this version as a whole' }),
  })
  .meta({ id: 'Deployments', description: "an environment's deployments and the progress of its servers" });

/** For clients that calculate the progress themselves, from servers that they know already. */
export const deploymentsSummary = snapshotId
  .extend({
    environment: name,
    deployments: z.array(deployment),
  })
  .meta({ id: 'DeploymentsSummary', description: "an environment's deployments without its servers" });

const projectWarnings = z
  .array(z.object({ path: z.string(), message: z.string() }))
  .optional()
  .meta({ description: 'parts of the project that work, but not for long or not safely; absent: none is known' });

export const revisionMade = z.object({ name, revision: revisionNumber, warnings: projectWarnings });

/** Answer to a project that was checked and not stored. */
export const projectChecked = z.object({ name, warnings: projectWarnings });
export type ProjectChecked = Immutable<z.output<typeof projectChecked>>;

export const projectSummary = projectSummarySchema.meta({ id: 'ProjectSummary', description: 'a project without its contents' });

export const revisionAnswer = revisionSchema.meta({ id: 'Revision', description: 'an immutable, numbered upload of a project' });

export const registrationAnswer = z
  .object({
    environment: name.nullable(),
    epoch: epoch.nullable(),
    version: snapshotVersion.nullable(),
    hash: hash.nullable(),
    variables,
    projects: z.array(deployedProject),
    server: z.object({
      id,
      weight,
      draining,
      ttl: ttl.meta({ description: 'length of the lease in milliseconds: renew it before this has passed' }),
    }),
    hop: serverHop.optional().meta({
      description:
        'the key that was sent, and its certificate with its authorities (PEM), unless the server has that one already; absent: no key was sent',
    }),
  })
  .meta({
    id: 'Registration',
    description: "the server's lease and the snapshot of its environment; without environment all parts of the snapshot are null or empty",
  });

const happening = z
  .object({
    at: z.number().meta({ description: 'wall clock, milliseconds since 1970' }),
    kind: z.enum(['server', 'health', 'deployment', 'environment', 'project', 'consumer', 'product', 'balancer']),
    tone: z.enum(['good', 'busy', 'warn', 'bad', 'idle']).meta({ description: 'severity for display; busy: in progress, idle: neutral' }),
    subject: z.string().meta({ description: 'the server, environment, project, consumer or product that it happened to' }),
    environment: z.string().optional(),
    text: z.string().meta({ description: 'what happened' }),
    cause: z.string().optional().meta({ description: 'why it happened' }),
  })
  .meta({ id: 'Happening', description: 'an event, described for people' });

export const happeningsAnswer = z.object({ happenings: z.array(happening) });

export type ServerAnswer = Immutable<z.input<typeof serverAnswer>>;
export type JoinTokenAnswer = Immutable<z.input<typeof joinTokenAnswer>>;
export type ControlAnswer = Immutable<z.input<typeof controlAnswer>>;
export type RegistryAnswer = Immutable<z.input<typeof registryAnswer>>;
export type EnvironmentAnswer = Immutable<z.input<typeof environmentAnswer>>;
export type DeploymentsSummary = Immutable<z.input<typeof deploymentsSummary>>;
export type RegistrationAnswer = Immutable<z.input<typeof registrationAnswer>>;
export type DeploymentsAnswer = Immutable<z.input<typeof deploymentsAnswer>>;
export type ProjectSummaryAnswer = Immutable<z.input<typeof projectSummary>>;
export type RevisionAnswer = Immutable<z.input<typeof revisionAnswer>>;
export type Happening = Immutable<z.input<typeof happening>>;
export type Tone = Happening['tone'];

/** Answer to signing in. */
export const sessionAnswer = z.object({
  key: z.string().describe('key of the session, to be sent as sluice-session-key; the cookie alone gives no access'),
});
export type SessionAnswer = z.output<typeof sessionAnswer>;
