import * as z from 'zod';
import { latencyBounds } from './latency.ts';

// Counts of one gateway server since its start, as balancers read them at `/.sluice/usage`: a map of these lists, and the start of the server as
// `since`, in milliseconds since 1970. Readers ignore members that they do not know.

const count = z.number().min(0);

/** Buckets of a histogram that have counts, each followed by its count. */
const sparseLatencies = z.array(count).max(2 * (latencyBounds.length + 1));

const counts = z.object({
  requests: count,
  refused: count,
  failed: count,
  perSecond: count,
  latencies: sparseLatencies,
});

/** Counts of the exchanges, or attempts, of one kind since the server's start. */
export type UsageCounts = z.output<typeof counts>;

const project = z.string();
const url = z.object({ url: z.string(), up: z.boolean().nullable(), reason: z.string().optional() });

/** Rows of each list. */
export const usageRows = {
  projects: counts.extend({ project }),
  /** Of the project that was asked about; resource is empty for requests that match none. */
  routes: counts.extend({ project, resource: z.string() }),
  targets: counts.extend({ project, target: z.string(), urls: z.array(url) }),
  policies: z.object({ project, policy: z.string(), refused: count }),
  /** consumer is empty for those that are not counted apart; lastSeen is in milliseconds since 1970. */
  consumers: counts.extend({ project, consumer: z.string(), lastSeen: z.number() }),
  /** URLs that get no requests, of all targets that are checked or ejected. */
  down: z.object({ project, target: z.string(), url: z.string(), reason: z.string().optional() }),
} as const;

export type UsageList = keyof typeof usageRows;
export type UsageRow<List extends UsageList> = z.output<(typeof usageRows)[List]>;

export const usageLists = Object.keys(usageRows) as readonly UsageList[];
