import * as z from 'zod';
import { methodName } from './http-names.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import type { Pieces } from './pieces.ts';
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

/** Checks a project like `project.safeParse`: each resource is one piece. A project with a fault in any part is checked again at once, for its list of faults. */
export function* projectInPieces(given: unknown): Pieces<z.ZodSafeParseResult<z.output<typeof project>>> {
  const list: unknown = (given as { resources?: unknown } | null | undefined)?.resources;
  if (!Array.isArray(list)) return project.safeParse(given);
  const resources: z.output<typeof resource>[] = [];
  // One resource of each target stands for all of them: whether a target is missing depends on its name alone.
  const byTarget = new Map<string, unknown>();
  for (const one of list) {
    const { success, data } = resource.safeParse(one);
    if (!success) return project.safeParse(given);
    resources.push(data);
    byTarget.set(data.target, one);
    yield;
  }
  const { success, data } = project.safeParse({ ...(given as object), resources: [...byTarget.values()] });
  return success ? { success, data: { ...data, resources } } : project.safeParse(given);
}

/** A checked project with every default filled in. */
export type Project = Immutable<z.output<typeof project>>;
export type ProjectInput = z.input<typeof project>;
export type Resource = Project['resources'][number];
export type PolicyEntry = Project['policies'][PolicyPoint][number];
