import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { count } from './quantity.ts';

/** Stored responses to be removed: those of a project, a tag and a path, as far as these are named. */
export const cachePurge = z.object({
  project: z.string().max(100).exactOptional().meta({ description: 'only responses of this project' }),
  tag: z.string().max(200).exactOptional().meta({ description: "only responses with this member in the target's Cache-Tag" }),
  path: z
    .string()
    .max(4000)
    .regex(/^\//, 'must begin with "/"')
    .exactOptional()
    .meta({ description: 'only responses for this path, with any query; `/articles/*` for all whose path begins with `/articles/`' }),
});

export type CachePurge = Immutable<z.output<typeof cachePurge>>;

/** Notice of something in the registry that may have changed. */
export const news = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['environment', 'project']), name: z.string() }),
  /** `own`: the server itself reported the change; a listener for that server alone does not get it. */
  z.object({ kind: z.literal('server'), name: z.string(), own: z.literal(true).exactOptional() }),
  /** The snapshot of environment `name` is now at `version`. */
  z.object({ kind: z.literal('snapshot'), name: z.string(), version: count }),
  /** A secret of the registry. Only balancers hear of it. */
  z.object({ kind: z.literal('secret'), name: z.string() }),
  /** Consumers or products. A process that does not know this kind does not hear of it. */
  z.object({ kind: z.literal('callers'), name: z.literal('all') }),
  /** Gateway servers of environment `name` remove stored responses. A process that does not know this kind does not hear of it. */
  cachePurge.extend({ kind: z.literal('purge'), name: z.string() }),
  /** Anything may have changed: read everything. */
  z.object({ kind: z.literal('resync') }),
]);

export type News = Immutable<z.output<typeof news>>;

/** True if a listener that asked for the news of one server, or of all (undefined), gets this news. */
export function concerns(news: News, server: string | undefined): boolean {
  if (news.kind === 'secret') return server === undefined;
  return news.kind !== 'server' || server === undefined || (news.name === server && !news.own);
}
