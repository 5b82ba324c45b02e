import * as z from 'zod';
import { methodName } from './http-names.ts';
import type { Immutable } from './immutable.ts';
import { importedApi, operation } from './imported-api.ts';
import { isMap } from './is-map.ts';
import { name } from './name.ts';
import type { Pieces } from './pieces.ts';
import { targetRetries, targetTimeouts } from './route-tuning.ts';
import { target } from './target.ts';

/** The points of an exchange at which policies run, in this order. */
export const policyPoints = ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse'] as const;
export type PolicyPoint = (typeof policyPoints)[number];

/** One policy: exactly one key, the name of its type, with the settings of that type. */
const policyEntry = z
  .record(z.string(), z.unknown())
  .refine((entry) => Object.keys(entry).length === 1, 'must have exactly one key: the name of the policy')
  .meta({ title: 'policy' });

const policyList = z.array(policyEntry).default([]);

const policies = z.strictObject({
  proxyRequest: policyList.meta({ description: "run first, on the client's request; may answer instead of the target" }),
  targetRequest: policyList.meta({ description: 'run on the request that goes to the target; may answer instead of the target' }),
  targetResponse: policyList.meta({ description: 'run on the response that comes from the target' }),
  proxyResponse: policyList.meta({ description: 'run last, on the response that goes to the client' }),
});
const optionalPolicies = policies.prefault({});

const path = z
  .string()
  .regex(/^\/[^\s?#]*$/, 'must be a path: starting with /, without spaces, ? or #')
  .refine((text) => !/\/\/|\/\.{1,2}(\/|$)/.test(text), 'must not contain //, /./ or /../');

/** A path of a project with its target and policies. */
export const resource = z.strictObject({
  path: path.meta({ description: 'path under basePath; {name} matches one segment or a part of one' }),
  methods: z.array(methodName).min(1).optional().meta({ description: 'allowed methods; other methods get 405. Not given: all methods' }),
  target: z.string().default('default').meta({ description: 'name of the target' }),
  childPaths: z.boolean().default(false).meta({ description: 'true: the resource also matches every path below its own' }),
  timeouts: targetTimeouts.optional().meta({ description: "time limits for requests of this resource, instead of the target's" }),
  retries: targetRetries
    .optional()
    .meta({ description: "when requests of this resource are sent again, instead of the target's settings" }),
  policies: optionalPolicies.meta({ description: "policies of this resource; they run after the project's" }),
});

/** Names of targets that a project uses but does not have, each with its place. Parts of `value` may be malformed. */
function* missingTargets(value: unknown): Generator<{ path: (string | number)[]; missing: string; known: string[] }> {
  const { targets, resources } = (value ?? {}) as { targets?: unknown; resources?: unknown };
  if (targets === null || typeof targets !== 'object' || Array.isArray(targets) || !Array.isArray(resources)) return;
  const known = Object.keys(targets);
  for (const [index, entry] of resources.entries()) {
    const missing: unknown = entry?.target;
    if (typeof missing === 'string' && !known.includes(missing)) yield { path: ['resources', index, 'target'], missing, known };
  }
  for (const [key, entry] of Object.entries(targets)) {
    const missing: unknown = entry?.failover;
    if (typeof missing === 'string' && !known.includes(missing)) yield { path: ['targets', key, 'failover'], missing, known };
  }
  if (resources.length === 0 && !known.includes('default')) yield { path: ['targets'], missing: 'default', known };
}

/** A project as its author writes it (YAML or JSON). */
export const project = z
  .strictObject({
    name,
    version: z.string().default('').meta({ description: "the author's label; Sluice numbers the revisions" }),
    basePath: path
      .transform((text) => (text === '/' ? '/' : text.replace(/\/$/, '')))
      .meta({
        description: 'path that the project claims, for example /petstore. In an environment, each base path belongs to one project',
      }),
    targets: z
      .record(name, target)
      .refine((targets) => Object.keys(targets).length > 0, 'needs at least one target')
      .meta({ description: 'where requests are sent, by name; "default" is the target of resources that name none' }),
    resources: z.array(resource).default([]).meta({
      description:
        'paths that the project offers; all other paths get 404. None: every request under basePath goes to the target "default"',
    }),
    forwardBasePath: z.boolean().default(false).meta({ description: 'true: the target gets the path with basePath in front' }),
    // Without defaults, so that a project that does not set them stays the same revision.
    encodedSlashes: z.enum(['reject', 'keep']).optional().meta({
      description:
        'paths with an encoded slash or backslash (%2F, %5C). reject: they get 400; keep: they are passed on, after the policies of every resource that the target could read in them. Not given: reject',
    }),
    mergeSlashes: z.boolean().optional().meta({
      description:
        'true: runs of slashes below basePath become one slash; false: they are passed on, for paths that contain URLs. Not given: true',
    }),
    policies: optionalPolicies.meta({ description: 'policies of every resource' }),
    openapi: importedApi.optional(),
  })
  .superRefine(
    (value, context) => {
      for (const { path, missing, known } of missingTargets(value)) {
        const message = `names the target "${missing}", which is not among: ${known.join(', ')}`;
        context.issues.push({ code: 'custom', path, input: missing, message });
      }
    },
    // Also if another part is invalid, so that all faults are reported together.
    { when: () => true },
  )
  .meta({ id: 'Project', description: 'an API: base path, targets, resources, policies' });

/**
 * Checks a project like `project.safeParse`: each resource, target and policy is one piece. A project with a fault in any part is checked again at
 * once, for its list of faults.
 */
export function* projectInPieces(given: unknown): Pieces<z.ZodSafeParseResult<z.output<typeof project>>> {
  const parts = { ...(given as object | undefined) } as Record<keyof ProjectInput, unknown>;
  const resources = yield* elementsInPieces(parts.resources, resource);
  const targets = yield* targetsInPieces(parts.targets);
  const lists = yield* policiesInPieces(parts.policies);
  const paths = yield* operationsInPieces(parts.openapi);
  if (resources === undefined || targets === undefined || lists === undefined || paths === undefined) return project.safeParse(given);
  const needed = [...resources.map((one) => one.target), ...Object.values(targets).map(({ failover }) => failover)];
  const complete = needed.every((one) => one === undefined || Object.hasOwn(targets, one));
  if (!complete || (resources.length === 0 && !Object.hasOwn(targets, 'default'))) return project.safeParse(given);
  const { success, data } = project.safeParse({
    ...parts,
    ...(parts.resources !== undefined && { resources: [] }),
    targets: { default: { url: 'http://127.0.0.1' } },
    ...(parts.policies !== undefined && { policies: { ...(parts.policies as object), ...noPolicies(lists) } }),
    ...(parts.openapi !== undefined && { openapi: { ...(parts.openapi as object), operations: {} } }),
  });
  if (!success) return project.safeParse(given);
  const openapi = data.openapi && { openapi: { ...data.openapi, operations: paths } };
  return { success, data: { ...data, resources, targets, policies: { ...data.policies, ...lists }, ...openapi } };
}

type Checked<Schema extends z.ZodType> = z.output<Schema>;

/** Each element after its check; undefined: the list has a fault. */
function* elementsInPieces<Schema extends z.ZodType>(list: unknown, schema: Schema): Pieces<Checked<Schema>[] | undefined> {
  if (list === undefined) return [];
  if (!Array.isArray(list)) return undefined;
  const checked: Checked<Schema>[] = [];
  for (const one of list) {
    const { success, data } = schema.safeParse(one);
    if (!success) return undefined;
    checked.push(data);
    yield;
  }
  return checked;
}

function* targetsInPieces(given: unknown): Pieces<Record<string, z.output<typeof target>> | undefined> {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return undefined;
  const checked: [string, z.output<typeof target>][] = [];
  for (const [key, one] of Object.entries(given)) {
    const { success, data } = target.safeParse(one);
    if (!success || !name.safeParse(key).success) return undefined;
    checked.push([key, data]);
    yield;
  }
  return checked.length === 0 ? undefined : Object.fromEntries(checked);
}

/** Operations of an imported API, each path being one piece; undefined: one of them has a fault. */
function* operationsInPieces(given: unknown): Pieces<z.output<typeof importedApi>['operations'] | undefined> {
  if (given === undefined) return {};
  const paths = isMap(given) ? given['operations'] : undefined;
  if (!isMap(paths)) return undefined;
  const checked: [string, Record<string, z.output<typeof operation>>][] = [];
  for (const [path, methods] of Object.entries(paths)) {
    const { success, data } = methodsOfPath.safeParse(methods);
    if (!success) return undefined;
    checked.push([path, data]);
    yield;
  }
  return Object.fromEntries(checked);
}

const methodsOfPath = z.record(z.string(), operation);

/** The lists of policies that are given; undefined: one of them has a fault. */
function* policiesInPieces(given: unknown): Pieces<Partial<Record<PolicyPoint, z.output<typeof policyEntry>[]>> | undefined> {
  if (given === undefined) return {};
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return undefined;
  const lists: Partial<Record<PolicyPoint, z.output<typeof policyEntry>[]>> = {};
  for (const point of policyPoints) {
    const list = (given as Record<string, unknown>)[point];
    if (list === undefined) continue;
    const checked = yield* elementsInPieces(list, policyEntry);
    if (checked === undefined) return undefined;
    lists[point] = checked;
  }
  return lists;
}

function noPolicies(lists: Partial<Record<PolicyPoint, unknown>>): Partial<Record<PolicyPoint, []>> {
  return Object.fromEntries(Object.keys(lists).map((point) => [point, []]));
}

/** A checked project with every default filled in. */
export type Project = Immutable<z.output<typeof project>>;
export type ProjectInput = z.input<typeof project>;
export type Resource = Project['resources'][number];
export type PolicyEntry = Project['policies'][PolicyPoint][number];
