import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { count } from './quantity.ts';

/** Notice of something in the registry that may have changed. */
export const news = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['environment', 'project']), name: z.string() }),
  /** `own`: the server itself reported the change; a listener for that server alone does not get it. */
  z.object({ kind: z.literal('server'), name: z.string(), own: z.literal(true).exactOptional() }),
  /** The snapshot of environment `name` is now at `version`. */
  z.object({ kind: z.literal('snapshot'), name: z.string(), version: count }),
  /** A secret of the registry. Only balancers hear of it. */
  z.object({ kind: z.literal('secret'), name: z.string() }),
  /** Anything may have changed: read everything. */
  z.object({ kind: z.literal('resync') }),
]);

export type News = Immutable<z.output<typeof news>>;

/** True if a listener that asked for the news of one server, or of all (undefined), gets this news. */
export function concerns(news: News, server: string | undefined): boolean {
  if (news.kind === 'secret') return server === undefined;
  return news.kind !== 'server' || server === undefined || (news.name === server && !news.own);
}
