import * as z from 'zod';
import type { Immutable } from '../model/immutable.ts';
import { name } from '../model/name.ts';

const count = z.number();
const milliseconds = (share: string) =>
  z
    .number()
    .nullable()
    .meta({ description: `latency in milliseconds that ${share} of the requests did not exceed; null: none was measured` });

const figures = z.object({
  requests: count,
  refused: count.meta({ description: 'requests that a policy refused; preflights, redirects and mocks are none of them' }),
  failed: count.meta({ description: 'requests that ended with a 5xx status which was no refusal, or without a response' }),
  perSecond: z.number().meta({ description: 'requests per second over the latest half minute' }),
  p50: milliseconds('half'),
  p95: milliseconds('95 %'),
  p99: milliseconds('99 %'),
});

const url = z.object({
  url: z.string().meta({ description: 'scheme, host and port: the rest of a URL may contain a secret' }),
  up: z.boolean().nullable().meta({ description: 'false: a server sends it no requests; null: it is neither checked nor ejected' }),
  reason: z.string().optional().meta({ description: 'why it gets no requests' }),
  downOn: z.int().meta({ description: 'number of servers that send it no requests' }),
});

const route = figures.extend({ resource: z.string().meta({ description: 'path of the resource; empty: requests that match none' }) });
const target = figures.extend({ target: z.string(), urls: z.array(url) });
const policy = z.object({ policy: z.string(), refused: count });

/** A URL of a target to which servers send no requests. */
export const downUrl = z.object({
  project: z.string(),
  target: z.string(),
  url: z.string(),
  reason: z.string().optional(),
  downOn: z.int(),
});

export const usageAnswer = z
  .object({
    environment: name,
    since: z.number().nullable().meta({ description: 'start of the server that has counted longest; null: no server answered' }),
    servers: z.object({
      asked: z.int(),
      answered: z.int(),
      silent: z.array(z.string()).meta({ description: 'servers that did not answer in time, or refused: their counts are missing' }),
      unsupported: z.array(z.string()).meta({
        description: 'servers that report no counts: static ones, those that register by plain HTTP, and those of an older version',
      }),
    }),
    projects: z
      .array(
        figures.extend({
          project: z.string(),
          routes: z.array(route),
          targets: z
            .array(target)
            .meta({ description: 'attempts at targets, retries included; their latencies end with the response head' }),
          policies: z.array(policy),
        }),
      )
      .meta({
        description:
          'projects that had requests, the busiest first; routes, targets and policies only of the project in the query, which is there without requests too',
      }),
    consumers: z
      .array(
        figures.extend({
          consumer: z.string().meta({
            description: 'empty: consumers that are not counted apart. A server counts the 5,000 apart that called it last',
          }),
          project: z.string(),
          lastSeen: z.number().nullable().meta({ description: 'end of the latest request' }),
        }),
      )
      .meta({ description: 'the busiest first, at most 200' }),
    consumersLeftOff: z.int().meta({ description: 'number of rows of consumers that are left off' }),
    down: z
      .array(downUrl)
      .meta({ description: 'URLs of targets to which servers send no requests, because checks fail or they are ejected' }),
  })
  .meta({
    id: 'Usage',
    description: 'what the servers of an environment have counted since their start: requests, refusals, failures, latencies',
  });

export type UsageAnswer = Immutable<z.input<typeof usageAnswer>>;
/** Counts and latencies of exchanges since the servers' start, summed over the servers of an environment. */
export type UsageFigures = Immutable<z.input<typeof figures>>;
export type ProjectUsage = UsageAnswer['projects'][number];
export type RouteUsage = ProjectUsage['routes'][number];
export type TargetUsage = ProjectUsage['targets'][number];
export type PolicyUsage = ProjectUsage['policies'][number];
export type ConsumerUsage = UsageAnswer['consumers'][number];
