import * as z from 'zod';
import { examine } from '../../config/check.ts';
import { limitAsks, limitGrants } from '../../limits/limit-store.ts';
import type { Access } from '../../model/access.ts';
import { callerPart, callersId, mostPartsAsked, partName } from '../../model/caller-tree.ts';
import { type EnvironmentSpecInput, environmentSpec } from '../../model/environment.ts';
import { SluiceError } from '../../model/fault.ts';
import { joinAnswer, joinRequest, renewal } from '../../model/join.ts';
import { manifest, manifestEntry, mostRevisionsAsked, revisionContent, revisionId } from '../../model/manifest.ts';
import { name } from '../../model/name.ts';
import type { Project } from '../../model/project.ts';
import { count } from '../../model/quantity.ts';
import { projectSummary, revision, revisionNumber } from '../../model/revision.ts';
import { leasedServer, serverPatch } from '../../model/server.ts';
import { receivedSnapshot, type Snapshot, snapshotId } from '../../model/snapshot.ts';
import type { Caller, Registry } from '../contract.ts';

/** A method that can be called over the connection: the access that it needs, its parameters, its result. */
interface Method<Params extends z.ZodType, Result extends z.ZodType> {
  readonly access: Access;
  readonly params: Params;
  readonly result: Result;
  call(registry: Registry, params: z.output<Params>, caller?: Caller): Promise<unknown>;
}

function method<Params extends z.ZodType, Result extends z.ZodType>(entry: Method<Params, Result>): Method<Params, Result> {
  return entry;
}

const nothing = z.undefined();
const none = z.object({});

const environment = z
  .object({ name, input: z.unknown(), drained: z.array(name).exactOptional() })
  .transform(({ input, ...rest }, context) => {
    const { value: spec, faults } = examine(input, environmentSpec);
    if (spec !== undefined) return { ...rest, input: input as EnvironmentSpecInput, spec };
    for (const { path, message } of faults) context.issues.push({ code: 'custom', path: ['input', ...path], message, input: undefined });
    return z.NEVER;
  });

const ofEnvironment = z.object({ environment: z.string() });
const expect = count.exactOptional();
const conditional = z.object({ expect: z.array(z.string()).exactOptional() }).default({});
const deployed = snapshotId.extend({ environment: z.string(), deployment: manifestEntry.exactOptional() });
const deployment = z.object({ environment: z.string(), project: z.string(), options: z.object({ expect }).default({}) });

/** All methods that can be called over a connection. The registry itself applies the rules and checks their input. */
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
    params: z.object({ name: z.string(), spec: z.unknown(), options: conditional }),
    result: environment,
    call: (registry, { name, spec, options }) => registry.putEnvironment(name, spec as EnvironmentSpecInput, options),
  }),
  applyEnvironment: method({
    access: 'admin',
    params: z.object({ name: z.string(), file: z.unknown(), dryRun: z.boolean().exactOptional() }),
    result: z.object({
      outcome: z.enum(['created', 'changed', 'unchanged', 'deleted', 'unread']),
      replaced: z.array(z.string()),
      kept: z.array(z.string()),
    }),
    call: (registry, { name, file, dryRun = false }) => registry.applyEnvironment(name, file as EnvironmentSpecInput, { dryRun }),
  }),
  appliedSettings: method({
    access: 'admin',
    params: none,
    result: z.array(z.tuple([z.string(), z.unknown()])),
    call: async (registry) => [...(await registry.appliedSettings())],
  }),
  forgetApplied: method({
    access: 'admin',
    params: z.object({ name: z.string() }),
    result: nothing,
    call: (registry, { name }) => registry.forgetApplied(name),
  }),
  drainStatic: method({
    access: 'admin',
    params: z.object({ environment: z.string(), id: z.string(), draining: z.boolean() }),
    result: environment,
    call: (registry, { environment, id, draining }) => registry.drainStatic(environment, id, draining),
  }),
  deleteEnvironment: method({
    access: 'admin',
    params: z.object({ name: z.string(), force: z.boolean(), options: conditional }),
    result: nothing,
    call: (registry, { name, force, options }) => registry.deleteEnvironment(name, { force, ...options }),
  }),
  projects: method({ access: 'admin', params: none, result: z.array(projectSummary), call: (registry) => registry.projects() }),
  project: method({
    access: 'admin',
    params: z.object({ name: z.string() }),
    result: projectSummary.optional(),
    call: (registry, { name }) => registry.project(name),
  }),
  pushProject: method({
    access: 'admin',
    params: z.object({ project: z.unknown(), options: conditional }),
    result: z.object({ name, revision: revisionNumber, created: z.boolean() }),
    call: (registry, params) => registry.pushProject(params.project as Project, params.options),
  }),
  deleteProject: method({
    access: 'admin',
    params: z.object({ name: z.string(), revision: count.exactOptional(), options: conditional }),
    result: nothing,
    call: (registry, { name, revision, options }) =>
      registry.deleteProject(name, { ...options, ...(revision !== undefined && { revision }) }),
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
    result: deployed,
    call: (registry, { environment, project, options }) => registry.deploy(environment, project, options),
  }),
  undeploy: method({
    access: 'admin',
    params: deployment,
    result: deployed,
    call: (registry, { environment, project, options }) => registry.undeploy(environment, project, options),
  }),
  rollback: method({
    access: 'admin',
    params: deployment,
    result: deployed,
    call: (registry, { environment, project, options }) => registry.rollback(environment, project, options),
  }),
  snapshotId: method({
    access: 'admin',
    params: ofEnvironment,
    result: snapshotId,
    call: (registry, { environment }) => registry.snapshotId(environment),
  }),
  manifest: method({
    access: 'admin',
    params: z.object({ environment: z.string(), since: snapshotId.exactOptional() }),
    result: manifest,
    call: (registry, { environment, since }) => registry.manifest(environment, since),
  }),
  revisions: method({
    access: 'join',
    params: z.object({ wanted: z.array(revisionId).max(mostRevisionsAsked), environment: z.string().exactOptional() }),
    result: z.array(revisionContent),
    call: (registry, { wanted, environment }) => registry.revisions(wanted, environment),
  }),
  snapshot: method({
    access: 'join',
    params: ofEnvironment,
    result: receivedSnapshot,
    call: (registry, { environment }) => registry.snapshot(environment),
  }),
  restore: method({
    access: 'admin',
    params: z.object({ snapshot: z.unknown() }),
    result: z.boolean(),
    call: (registry, params) => registry.restore(params.snapshot as Snapshot),
  }),
  servers: method({ access: 'admin', params: none, result: z.array(leasedServer), call: (registry) => registry.servers() }),
  server: method({
    access: 'join',
    params: z.object({ id: z.string() }),
    result: leasedServer.optional(),
    call: (registry, { id }) => registry.server(id),
  }),
  join: method({
    access: 'join',
    params: joinRequest,
    result: joinAnswer,
    call: (registry, request, caller) => registry.join(request, caller),
  }),
  renew: method({
    access: 'join',
    params: renewal,
    result: joinAnswer,
    call: (registry, report, caller) => registry.renew(report, caller),
  }),
  leave: method({
    access: 'join',
    params: z.object({ id: z.string(), instance: z.string() }),
    result: nothing,
    call: (registry, { id, instance }) => registry.leave(id, instance),
  }),
  limits: method({
    access: 'join',
    params: z.object({ gateway: z.string().max(100), asks: limitAsks }),
    result: limitGrants,
    call: async (registry, { gateway, asks }) => {
      if (registry.limits === undefined) throw new SluiceError('invalid', "the balancer's registry shares no limits");
      return registry.limits.ask(gateway, asks);
    },
  }),
  assign: method({
    access: 'admin',
    params: z.object({ id: z.string(), environment: z.string().exactOptional(), options: conditional }),
    result: leasedServer,
    call: (registry, { id, environment, options }) => registry.assign(id, environment, options),
  }),
  patchServer: method({
    access: 'admin',
    params: z.object({ id: z.string(), patch: serverPatch, options: conditional }),
    result: leasedServer,
    call: (registry, { id, patch, options }) => registry.patchServer(id, patch, options),
  }),
  callersId: method({
    access: 'join',
    params: z.object({ environment: z.string().exactOptional() }),
    result: callersId,
    call: (registry, { environment }) => registry.callers.id(environment),
  }),
  callerParts: method({
    access: 'join',
    params: z.object({ wanted: z.array(partName).max(mostPartsAsked), environment: z.string().exactOptional() }),
    result: z.array(callerPart),
    call: (registry, { wanted, environment }) => registry.callers.parts(wanted, environment),
  }),
  forgetServer: method({
    access: 'admin',
    params: z.object({ id: z.string(), options: conditional }),
    result: nothing,
    call: (registry, { id, options }) => registry.forgetServer(id, options),
  }),
} as const;

export type MethodName = keyof typeof methods;
export type ParamsOf<M extends MethodName> = z.input<(typeof methods)[M]['params']>;
export type ResultOf<M extends MethodName> = z.output<(typeof methods)[M]['result']>;

/** True if there is a method of this name. Inherited properties, such as `toString`, are not methods. */
export function isMethod(text: string): text is MethodName {
  return Object.hasOwn(methods, text);
}
