import type * as z from 'zod';
import type { RequestView, ResponseView } from '../http1/message/message-view.ts';
import type { PolicyPoint } from '../model/project.ts';

/** What a policy has in its hands while it runs. */
export interface PolicyContext {
  readonly request: RequestView;
  /** Present at `targetResponse` and `proxyResponse`. */
  readonly response?: ResponseView;
  readonly requestId: string;
  readonly clientAddress: string;
}

/** A policy's own answer to the client in place of the target's; only at `proxyRequest` and `targetRequest`. */
export interface PolicyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One configured step. Runs in order; the first answer ends the chain. */
export interface Policy {
  run(context: PolicyContext): PolicyAnswer | undefined;
}

/** A policy of a project. */
export interface NamedPolicy extends Policy {
  /** Of its kind. */
  readonly name: string;
}

/** A kind of policy: its settings and how to make one of them. */
export interface PolicyType<Schema extends z.ZodType = z.ZodType> {
  readonly settings: Schema;
  readonly points: readonly PolicyPoint[];
  create(settings: z.output<Schema>): Policy;
}
