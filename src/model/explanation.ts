import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { policyPoints } from './project.ts';

/** A request to explain. */
export const askedRequest = z.strictObject({
  method: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/, 'must be a method, such as GET')
    .meta({ description: 'method of the request' }),
  url: z
    .string()
    .max(8192)
    .regex(/^(https?:\/\/[^/?#\s]+)?(\/[^\s#]*)?$/, 'must be a path such as /petstore/pets, or a URL with http:// or https://')
    .meta({ description: 'path and query, or a URL, whose host is then the Host of the request' }),
  headers: z
    .array(z.tuple([z.string().max(256), z.string().max(8192)]))
    .max(100)
    .default([])
    .meta({ description: 'header fields, each with name and value' }),
  clientAddress: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1').meta({ description: 'IP address of the client' }),
});

/**
 * Decision of one policy. `passes`: the request goes on; `answers`: the policy answers it; `on-server`: a gateway server decides, with what only it knows
 * or asks for, and the explanation goes on as if the request passed; `not-reached`: an earlier policy answers; `settings`: the policy sets limits of
 * the way to the target; `response`: it acts on the target's response.
 */
const policyDecisions = ['passes', 'answers', 'on-server', 'not-reached', 'settings', 'response'] as const;

const answer = z.object({
  status: z.int(),
  /** Code of a problem that a program can rely on. */
  code: z.string().optional(),
  title: z.string().optional(),
  location: z.string().optional(),
});

export const explanation = z.object({
  environment: z.string(),
  /** Servers of the environment that take requests, at most 10 of them. */
  servers: z.array(z.string()),
  /** The project with the longest base path that has the path; null: none has. */
  project: z.object({ name: z.string(), revision: z.int(), basePath: z.string() }).nullable(),
  /** The resource that the request matches; null: none does. */
  resource: z.object({ path: z.string(), methods: z.array(z.string()).optional(), target: z.string() }).nullable(),
  /** In the order in which they run. */
  policies: z.array(
    z.object({
      name: z.string(),
      point: z.enum(policyPoints),
      /** Settings as written in the project; secrets are left out. */
      settings: z.unknown(),
      decision: z.enum(policyDecisions),
      answer: answer.optional(),
      /** Changes of the request that goes to the target. */
      changes: z.array(z.string()).optional(),
    }),
  ),
  /** The end of the request: an answer of Sluice, or the request that a target would get. */
  outcome: z.union([
    z.object({ answer }),
    z.object({
      forwarded: z.object({ method: z.string(), url: z.string(), host: z.string(), headers: z.array(z.tuple([z.string(), z.string()])) }),
    }),
  ]),
});

export type AskedRequest = Immutable<z.output<typeof askedRequest>>;
export type Explanation = Immutable<z.output<typeof explanation>>;
