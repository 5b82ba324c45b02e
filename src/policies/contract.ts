import type * as z from 'zod';
import type { RequestView, ResponseView } from '../http1/message/message-view.ts';
import type { Pieces } from '../model/pieces.ts';
import type { PolicyPoint } from '../model/project.ts';

/** Data of the exchange that a policy gets when it runs. */
export interface PolicyContext {
  readonly request: RequestView;
  /** Present at `targetResponse` and `proxyResponse`. */
  readonly response?: ResponseView;
  readonly requestId: string;
  readonly clientAddress: string;
}

/** A policy's response to the client, instead of the target's. Only possible at `proxyRequest` and `targetRequest`. */
export interface PolicyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * One configured step. Steps run in order; the first one that answers ends the chain. A step keeps nothing between exchanges: resources with the same
 * settings share it.
 */
export interface Policy {
  run(context: PolicyContext): PolicyAnswer | undefined;
}

/** A policy of a project. */
export interface NamedPolicy extends Policy {
  /** Name of its type. */
  readonly name: string;
}

/** A type of policies: the schema of its settings, and the points where it may run. */
export interface PolicyType<Schema extends z.ZodType = z.ZodType> {
  readonly settings: Schema;
  readonly points: readonly PolicyPoint[];
  /** References in texts of its settings, as they stand between `${` and `}`, that the policy itself replaces at each request. Default: none. */
  readonly references?: readonly string[];
  /** Each of a large number of settings is one piece. */
  create(settings: z.output<Schema>): Pieces<Policy>;
}
