import * as z from 'zod';
import type { Access } from '../../model/access.ts';
import { type EnvironmentSpecInput, environmentSpec } from '../../model/environment.ts';
import { type Project, project } from '../../model/project.ts';
import { name } from '../../model/quantity.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Registry } from '../contract.ts';
import { serverRecord, snapshot } from '../documents.ts';
import { joinRequest, renewal, serverPatch } from '../rules/requests.ts';

/** One call over the connection: who may make it, what it takes, what it does, and what the caller gets. */
interface Method<Params extends z.ZodType, Result extends z.ZodType> {
  readonly access: Access;
  readonly params: Params;
  readonly result: Result;
  call(registry: Registry, params: z.output<Params>): Promise<unknown>;
}

function method<Params extends z.ZodType, Result extends z.ZodType>(entry: Method<Params, Result>): Method<Params, Result> {
  return entry;
}

const nothing = z.undefined();
const none = z.object({});
const count = z.int().min(0);

const environment = z.object({ name, input: z.unknown() }).transform(({ name, input }) => ({
  name,
  input: input as EnvironmentSpecInput,
  spec: environmentSpec.parse(input),
}));
const revision = z.object({ name, revision: count, project, hash: z.string(), createdAt: z.number() });
const summary = z.object({
  name,
  latest: count,
  revisions: z.array(z.object({ revision: count, version: z.string(), hash: z.string(), createdAt: z.number() })),
});
const server = serverRecord.extend({ leaseRemaining: z.number() });
const membership = z.object({ server, snapshot: snapshot.exactOptional() });

const ofEnvironment = z.object({ environment: z.string() });
const expect = count.exactOptional();
const deployment = z.object({ environment: z.string(), project: z.string(), options: z.object({ expect }).default({}) });

/** All that can be asked of a registry over a connection. The rules, and the checks that go with them, are the registry's own. */
export const methods = {
  environments: method({ access: 'admin', params: none, result: z.array(environment), call: (registry) => registry.environments() }),
  environment: method({
    access: 'admin',
    params: z.object({ name: z.string() }),
    result: environment.optional(),
    call: (registry, { name }) => registry.environment(name),
  }),
  putEnvironment: method({
    access: 'admin',
    params: z.object({ name: z.string(), spec: z.unknown() }),
    result: environment,
    call: (registry, { name, spec }) => registry.putEnvironment(name, spec as EnvironmentSpecInput),
  }),
  deleteEnvironment: method({
    access: 'admin',
    params: z.object({ name: z.string(), force: z.boolean() }),
    result: nothing,
    call: (registry, { name, force }) => registry.deleteEnvironment(name, { force }),
  }),
  projects: method({ access: 'admin', params: none, result: z.array(summary), call: (registry) => registry.projects() }),
  pushProject: method({
    access: 'admin',
    params: z.object({ project: z.unknown() }),
    result: z.object({ name, revision: count, created: z.boolean() }),
    call: (registry, params) => registry.pushProject(params.project as Project),
  }),
  revision: method({
    access: 'admin',
    params: z.object({ name: z.string(), revision: count.exactOptional() }),
    result: revision.optional(),
    call: (registry, { name, revision }) => registry.revision(name, revision),
  }),
  deploy: method({
    access: 'admin',
    params: z.object({
      environment: z.string(),
      project: z.string(),
      options: z.object({ revision: count.exactOptional(), expect }).default({}),
    }),
    result: snapshot,
    call: (registry, { environment, project, options }) => registry.deploy(environment, project, options),
  }),
  undeploy: method({
    access: 'admin',
    params: deployment,
    result: snapshot,
    call: (registry, { environment, project, options }) => registry.undeploy(environment, project, options),
  }),
  rollback: method({
    access: 'admin',
    params: deployment,
    result: snapshot,
    call: (registry, { environment, project, options }) => registry.rollback(environment, project, options),
  }),
  snapshot: method({
    access: 'join',
    params: ofEnvironment,
    result: snapshot,
    call: (registry, { environment }) => registry.snapshot(environment),
  }),
  restore: method({
    access: 'admin',
    params: z.object({ snapshot: z.unknown() }),
    result: z.boolean(),
    call: (registry, params) => registry.restore(params.snapshot as Snapshot),
  }),
  servers: method({ access: 'admin', params: none, result: z.array(server), call: (registry) => registry.servers() }),
  server: method({
    access: 'join',
    params: z.object({ id: z.string() }),
    result: server.optional(),
    call: (registry, { id }) => registry.server(id),
  }),
  join: method({ access: 'join', params: joinRequest, result: membership, call: (registry, request) => registry.join(request) }),
  renew: method({ access: 'join', params: renewal, result: membership, call: (registry, report) => registry.renew(report) }),
  leave: method({
    access: 'join',
    params: z.object({ id: z.string(), instance: z.string() }),
    result: nothing,
    call: (registry, { id, instance }) => registry.leave(id, instance),
  }),
  assign: method({
    access: 'admin',
    params: z.object({ id: z.string(), environment: z.string().exactOptional() }),
    result: server,
    call: (registry, { id, environment }) => registry.assign(id, environment),
  }),
  patchServer: method({
    access: 'admin',
    params: z.object({ id: z.string(), patch: serverPatch }),
    result: server,
    call: (registry, { id, patch }) => registry.patchServer(id, patch),
  }),
} as const;

export type MethodName = keyof typeof methods;
export type ParamsOf<M extends MethodName> = z.input<(typeof methods)[M]['params']>;
export type ResultOf<M extends MethodName> = z.output<(typeof methods)[M]['result']>;

/** Whether there is such a method; not fooled by what every object inherits. */
export function isMethod(text: string): text is MethodName {
  return Object.hasOwn(methods, text);
}
