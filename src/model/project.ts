import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { duration, name } from './quantity.ts';

/** The points of an exchange at which policies run, in this order. */
export const policyPoints = ['proxyRequest', 'targetRequest', 'targetResponse', 'proxyResponse'] as const;
export type PolicyPoint = (typeof policyPoints)[number];

/** One policy: exactly one key, its type's name, with that type's settings. */
const policyEntry = z
  .record(z.string(), z.unknown())
  .refine((entry) => Object.keys(entry).length === 1, 'must have exactly one key: the name of the policy')
  .meta({ title: 'policy' });

const policyList = z.array(policyEntry).default([]);

const policies = z.strictObject({
  proxyRequest: policyList.meta({ description: 'run first, on the request as it came; may answer in place of the target' }),
  targetRequest: policyList.meta({ description: 'run on the request as it goes to the target; may answer in place of it' }),
  targetResponse: policyList.meta({ description: "run on the target's response as it came" }),
  proxyResponse: policyList.meta({ description: 'run last, on the response as it goes to the client' }),
});
const somePolicies = policies.prefault({});

const path = z
  .string()
  .regex(/^\/[^\s?#]*$/, 'must be a path: starting with /, without spaces, ? or #')
  .refine((text) => !/\/\/|\/\.{1,2}(\/|$)/.test(text), 'must not contain //, /./ or /../');

/** An `http(s)` URL, perhaps with `${variables.x}` in it: then it is checked when the variables are known. */
const targetUrl = z.string().refine((text) => text.includes('${') || isTargetUrl(text), {
  message: 'must be an http:// or https:// URL without query or fragment, for example http://127.0.0.1:9201/api',
});

/** Whether `text`, with all variables replaced, is somewhere requests can be sent. */
export function isTargetUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    /^https?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  );
}

/** Whether `text` is one X.509 certificate or more, PEM (RFC 7468), and nothing that looks like one but is not. */
export function isCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN').length - 1) return false;
  try {
    for (const block of blocks) new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}

const targetTls = z.strictObject({
  ca: z
    .string()
    .refine((text) => text.includes('${') || isCertificates(text), {
      message: 'must be one certificate or more in PEM: the text of the file, starting with -----BEGIN CERTIFICATE-----',
    })
    .optional()
    .meta({ description: 'certificates of the authorities to trust, PEM text, in place of the well-known ones' }),
  serverName: z
    .string()
    .regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/, 'must be a host name')
    .optional()
    .meta({ description: "name to ask for (SNI), and that the certificate must be for. None given: the URL's host" }),
  verify: z.boolean().default(true).meta({
    description: 'false: any certificate will do. Whoever is on the way can then read and change every request, keys included',
  }),
});

/** Checked, and kept as it was written: what is stored is read by this schema again. */
const writtenTime = z.union([z.literal(0), z.string()]).check((context) => {
  for (const { message } of duration.safeParse(context.value).error?.issues ?? [])
    context.issues.push({ code: 'custom', input: context.value, message });
});

const targetTimeouts = z.strictObject({
  connect: writtenTime
    .optional()
    .meta({ title: 'time', description: 'time to connect, then the next of its places is tried. None given: 3s; 0: no limit' }),
  responseHead: writtenTime.optional().meta({
    title: 'time',
    description:
      "time for the target's response head, then 504. None given: 60s; 0: no limit. The environment's timeouts.responseHead counts as well, for what it takes in all",
  }),
});

const target = z
  .strictObject({
    url: targetUrl.optional().meta({ description: 'where requests go: http:// or https://, with ${variables.NAME} if wanted' }),
    urls: z
      .array(
        z.strictObject({
          url: targetUrl.meta({ description: 'one of the places requests go to' }),
          weight: z.int().min(0).max(65535).default(1).meta({ description: 'share of requests relative to the others; 0: none' }),
        }),
      )
      .min(1)
      .optional()
      .meta({ description: 'several places, by weight, in place of url' }),
    failover: z
      .string()
      .optional()
      .meta({ description: 'target that takes over when none of the places of this one can be reached, and has its own failover in turn' }),
    timeouts: targetTimeouts.optional().meta({ description: 'how long each step towards it may take' }),
    tls: targetTls.optional().meta({ description: 'terms for https:// URLs. None given: certificates are checked as browsers do' }),
  })
  .refine((given) => (given.url === undefined) !== (given.urls === undefined), 'needs either url or urls');

const resource = z.strictObject({
  path: path.meta({ description: 'path under basePath; {name} stands for one segment' }),
  methods: z
    .array(z.string().regex(/^[A-Z]+$/, 'must be methods in capitals, for example GET'))
    .min(1)
    .optional()
    .meta({ description: 'methods it answers to; others get 405. None given: all' }),
  target: z.string().default('default').meta({ description: 'name of the target' }),
  childPaths: z.boolean().default(false).meta({ description: 'true: everything below the path belongs to it as well' }),
  policies: somePolicies.meta({ description: "policies of this resource, after the project's" }),
});

/** A project as its author writes it (YAML or JSON). */
export const project = z
  .strictObject({
    name,
    version: z.string().default('').meta({ description: "the author's label; revisions are numbered by Sluice" }),
    basePath: path
      .transform((text) => (text === '/' ? '/' : text.replace(/\/$/, '')))
      .meta({ description: 'path that the project claims, for example /petstore; one project an environment' }),
    targets: z
      .record(name, target)
      .refine((targets) => Object.keys(targets).length > 0, 'needs at least one target')
      .meta({ description: 'where requests go, by name; "default" takes what names no other' }),
    resources: z.array(resource).default([]).meta({
      description: 'what is offered; anything else gets 404. None: everything under basePath goes to the target "default"',
    }),
    forwardBasePath: z.boolean().default(false).meta({ description: 'true: the base path is kept in what the target sees' }),
    policies: somePolicies.meta({ description: 'policies of every resource' }),
  })
  .check((context) => {
    const { targets, resources } = context.value;
    const known = Object.keys(targets);
    const complain = (at: (string | number)[], missing: string) =>
      context.issues.push({
        code: 'custom',
        path: at,
        input: missing,
        message: `names the target "${missing}", which is not among: ${known.join(', ')}`,
      });
    resources.forEach((entry, index) => {
      if (!known.includes(entry.target)) complain(['resources', index, 'target'], entry.target);
    });
    for (const [key, entry] of Object.entries(targets)) {
      if (entry.failover !== undefined && !known.includes(entry.failover)) complain(['targets', key, 'failover'], entry.failover);
    }
    if (resources.length === 0 && !known.includes('default')) complain(['targets'], 'default');
  })
  .meta({ id: 'Project', description: 'an API: base path, targets, resources, policies' });

/** A checked project with every default filled in. */
export type Project = z.output<typeof project>;
export type ProjectInput = z.input<typeof project>;
export type Target = Project['targets'][string];
export type Resource = Project['resources'][number];
export type PolicyEntry = Record<string, unknown>;

/** An immutable, numbered upload of a project. */
export interface Revision {
  readonly name: string;
  /** From 1, rising by one. */
  readonly revision: number;
  readonly project: Project;
  /** SHA-256 of the canonical content, so that the same content again makes no revision. */
  readonly hash: string;
  /** Wall-clock milliseconds. */
  readonly createdAt: number;
}

/** A project without its contents. */
export interface ProjectSummary {
  readonly name: string;
  readonly latest: number;
  readonly revisions: readonly { revision: number; version: string; hash: string; createdAt: number }[];
}
