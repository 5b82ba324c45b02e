import * as z from 'zod';
import { environmentSpec } from '../model/environment.ts';
import { project } from '../model/project.ts';

/** What the admin API answers with. Times are wall-clock milliseconds since 1970; what is not there is null. */

const snapshotId = z
  .object({ epoch: z.string(), version: z.int(), hash: z.string() })
  .meta({ id: 'SnapshotId', description: 'which state of an environment: of which registry, the how-manieth, what it holds' });

export const serverAnswer = z
  .object({
    id: z.string(),
    instance: z.string().nullable().meta({ description: 'new at each start; null for a static server' }),
    environment: z.string().nullable(),
    movingTo: z.string().nullable().optional().meta({ description: 'where it goes once drained; null: to available; absent: nowhere' }),
    address: z.string(),
    weight: z.int(),
    state: z.enum(['available', 'joining', 'ready', 'draining', 'lost']),
    health: z.enum(['up', 'down', 'ejected', 'unknown']),
    reason: z.string().optional().meta({ description: 'why it is down' }),
    source: z.enum(['join', 'http', 'static']),
    version: z.string().nullable().meta({ description: 'of the program' }),
    running: snapshotId.nullable(),
    projects: z.array(
      z.object({ name: z.string(), revision: z.int(), state: z.enum(['active', 'rejected']), error: z.string().optional() }),
    ),
    active: z.int().meta({ description: 'exchanges in flight' }),
    requests: z.int().meta({ description: 'exchanges begun' }),
    startedAt: z.number().nullable(),
    lastSeen: z.number().nullable(),
  })
  .meta({ id: 'Server', description: 'a gateway server: its record joined with what this balancer sees of it' });

export const environmentAnswer = environmentSpec
  .extend({
    name: z.string(),
    status: z.object({
      listening: z.string().nullable().meta({ description: 'the listener as bound; null while it is not open' }),
      snapshot: snapshotId,
    }),
  })
  .meta({ id: 'Environment', description: 'an environment with every default filled in' });

const serverProgress = z.object({
  id: z.string(),
  state: z.enum(['active', 'pending', 'rejected', 'unreported', 'lost']).meta({
    description: 'unreported: it registers by plain HTTP and tells nothing of what it runs; lost: its lease ended without a word',
  }),
  revision: z.int().meta({ description: 'the revision that answers there; 0: none, or not known' }),
  error: z.string().optional(),
});

export const deploymentsAnswer = snapshotId
  .extend({
    environment: z.string(),
    deployments: z.array(z.object({ project: z.string(), revision: z.int(), basePath: z.string(), servers: z.array(serverProgress) })),
    servers: z
      .array(z.object({ id: z.string(), state: z.enum(['current', 'behind', 'unreported', 'lost']), version: z.int().nullable() }))
      .meta({ description: 'how far each server is with this version as a whole' }),
  })
  .meta({ id: 'Deployments', description: 'what is deployed to an environment, and how far its servers are' });

export const wantedAnswer = snapshotId
  .extend({
    environment: z.string(),
    deployments: z.array(z.object({ project: z.string(), revision: z.int(), basePath: z.string() })),
  })
  .meta({ id: 'Wanted', description: 'what is deployed to an environment' });

export const revisionMade = z.object({ name: z.string(), revision: z.int() });

export const projectSummary = z
  .object({
    name: z.string(),
    latest: z.int(),
    revisions: z.array(z.object({ revision: z.int(), version: z.string(), hash: z.string(), createdAt: z.number() })),
  })
  .meta({ id: 'ProjectSummary', description: 'a project without its contents' });

export const revisionAnswer = z
  .object({ name: z.string(), revision: z.int(), hash: z.string(), createdAt: z.number(), project })
  .meta({ id: 'Revision', description: 'an immutable, numbered upload of a project' });

export const registrationAnswer = z
  .object({
    environment: z.string().nullable(),
    epoch: z.string().nullable(),
    version: z.int().nullable(),
    hash: z.string().nullable(),
    variables: z.record(z.string(), z.string()),
    projects: z.array(z.object({ name: z.string(), revision: z.int(), project })),
    server: z.object({ id: z.string(), weight: z.int(), draining: z.boolean(), ttl: z.number().meta({ description: 'milliseconds' }) }),
  })
  .meta({ id: 'Registration', description: "the environment's snapshot; all null or empty for a server that is in none" });

const happening = z
  .object({
    at: z.number().meta({ description: 'wall clock, milliseconds since 1970' }),
    kind: z.enum(['server', 'health', 'deployment', 'environment', 'project', 'balancer']),
    tone: z.enum(['good', 'busy', 'warn', 'bad', 'idle']).meta({ description: 'whether it is good news' }),
    subject: z.string().meta({ description: 'whom it happened to' }),
    environment: z.string().optional(),
    text: z.string(),
    cause: z.string().optional(),
  })
  .meta({ id: 'Happening', description: 'something that happened, for people' });

export const happeningsAnswer = z.object({ happenings: z.array(happening) });

export type ServerAnswer = z.input<typeof serverAnswer>;
export type EnvironmentAnswer = z.input<typeof environmentAnswer>;
export type WantedAnswer = z.input<typeof wantedAnswer>;
export type DeploymentsAnswer = z.input<typeof deploymentsAnswer>;
export type ProjectSummaryAnswer = z.input<typeof projectSummary>;
export type RevisionAnswer = z.input<typeof revisionAnswer>;
export type Happening = z.input<typeof happening>;
export type Tone = Happening['tone'];
