import type { Logger } from 'pino';
import type * as z from 'zod';
import type { RequestBody, ResponseBody } from '../http1/message/bodies.ts';
import type { RequestView, ResponseView } from '../http1/message/message-view.ts';
import type { Limits } from '../limits/limits.ts';
import type { TakenTokens } from '../limits/taken-tokens.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { ImportedApi } from '../model/imported-api.ts';
import type { Pieces } from '../model/pieces.ts';
import type { PolicyPoint } from '../model/project.ts';
import type { RouteTuning } from '../model/route-tuning.ts';
import type { Caches } from './cache/caches.ts';
import type { Callers } from './callers.ts';
import type { Outbound } from './outbound.ts';
import type { SharedStates } from './shared-states.ts';

/** The client of an exchange, as an authentication policy has found out. */
export interface Caller {
  /** Name of the consumer. */
  readonly consumer?: string | undefined;
  /** Claims of a token. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** One exchange as its policies see it: one object from the first policy to the end, in both directions. */
export interface PolicyContext extends RequestBody, ResponseBody {
  readonly request: RequestView;
  /** The target's response; present only at `targetResponse` and `proxyResponse`, and while callbacks of {@link onResponse} run. */
  readonly response?: ResponseView | undefined;
  readonly requestId: string;
  /** IP address of the client. */
  readonly clientAddress: string;
  /** The client's connection has TLS. */
  readonly secure: boolean;
  /** Set by the policy that authenticates the request, read by the policies after it, logs and metrics. */
  caller: Caller | undefined;
  /**
   * The part of the request that the caller was recognized by, such as `header:authorization`, `cookie:NAME` or `query:NAME`; undefined: unknown. Set with
   * {@link caller}.
   */
  identifiedBy: string | undefined;
  /** Path of the matched resource as the project writes it, below the base path. */
  readonly resource: string;
  /** Tokens that limits have taken for the request; set by limits, which give them back if another limit refuses the request. */
  taken: TakenTokens | undefined;
  /** Value of a path parameter of the matched resource, percent-decoded, one character for each octet; undefined: the resource has no such parameter. */
  parameter(name: string): string | undefined;
  /** Rest of the request's path after that of the matched resource: empty, or a slash and more. Percent-encoded as it came. */
  readonly rest: string;
  /** Text that the target is sent after the path of its URL: a path, and the query with its `?`. */
  readonly tail: string;
  /**
   * Sends the target another tail or Host. Returns false, and changes nothing, if servers could read the path in another way than it is written.
   * @param changes.host undefined: as before
   */
  sendTo(changes: { readonly tail?: string; readonly host?: string | undefined }): boolean;
  /**
   * Asks the balancer in front to send requests like this one to the server `home`, since they count for one limit.
   * @param part of the request that they have in common, like {@link identifiedBy}, or `client-ip`; undefined: the path of the project
   * @returns true if the balancer is told; false if the request did not come from one, or it is told another server already
   */
  tellHome(home: string, part: string | undefined): boolean;
  /** Replaces a field, named in lower case, of whatever answer the client gets: the target's response, or an answer made here. */
  setAnswerField(name: string, value: string): void;
  /**
   * Adds a member to a list field, named in lower case, of whatever answer the client gets, such as `vary`.
   * @param checked true: the policy has made sure that the value is valid, once for many requests. Default false.
   */
  addAnswerField(name: string, value: string, checked?: boolean): void;
  /** Calls `edit` with the target's response, after the policies at response points; what was asked for last comes first. An answer made here has none. */
  onResponse(edit: (response: ResponseView) => void): void;
  /**
   * Sends the same request, without its body unless `mostBody` is given, once more in the background; only while the policy runs. The policies after this one run on it, and the
   * response passes those at response points; then it is discarded. Its end never delays the exchange.
   * @param prepare gets the context of the copy, to change its request and to hear of its response
   * @param target name of a target of the project; default: that of the resource
   * @param mostBody octets of its body up to which it is sent, once all of that has passed; with a larger body it is not
   * @returns false if too many are under way, or this request is such a copy itself
   */
  again(prepare: (copy: PolicyContext) => void, target?: string, mostBody?: number): boolean;
  /** Answers in place of the target's response; only while callbacks of {@link onResponse} run. */
  answerInstead(answer: PolicyAnswer): void;
  /** Calls `answer` if no target has answered (502, 503, 504); what it returns is sent instead of the failure. The last one that asked for it counts. */
  onFailure(answer: () => PolicyAnswer | undefined): void;
  /** Calls `done` once the exchange has ended, in whatever way. */
  onEnd(done: (ending: Ending) => void): void;
}

/** Facts of an exchange that has ended. */
export interface Ending {
  /** Status that the client got; 0: none. */
  readonly status: number;
  /** Octets of the response's body that were sent. */
  readonly octets: number;
  /** Milliseconds since the request's head. */
  readonly durationMs: number;
  /** The exchange was broken off before the end of its response. */
  readonly aborted: boolean;
  /** The upstream that answered; undefined: Sluice answered itself. */
  readonly server: string | undefined;
  /** Culprit of an answer with a 5xx status that Sluice made itself; undefined: this server. */
  readonly blame?: 'target' | 'project' | 'shortage' | undefined;
}

/** A policy's response to the client, instead of the target's. Only possible at `proxyRequest` and `targetRequest`. */
export interface PolicyAnswer {
  readonly status: number;
  /** A list stands for several lines. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
  /** True: the policy refuses the request, which is counted. Default: it answers in the target's place, such as a preflight, a redirect or a stored response. */
  readonly refuses?: boolean;
}

/** An answer ends the chain; undefined: the request goes on. */
export type Decision = PolicyAnswer | undefined;

/**
 * One configured step. Steps run in order; the first one that answers ends the chain. What a step keeps between exchanges it keeps by the place in
 * its {@link PolicyScope}; what it keeps of one exchange is in the callbacks that it gives to the context.
 */
export interface Policy {
  /** Settings for the way to the target, which come before those of target and resource. A policy that has them does not run. */
  readonly tuning?: RouteTuning;
  /** Decides about the exchange. At request points it may return a promise, and does so only while it must wait for something outside this process. */
  run(context: PolicyContext): Decision | Promise<Decision>;
  /** Paths below the base path that the policy itself answers, whatever resources the project has. It sees them even if it belongs to one resource. */
  readonly paths?: readonly string[];
  /** Called when the policy begins to be served; again after `end`, too. Background work starts here. */
  begin?(): void;
  /** Called when the policy is served no more. */
  end?(): void;
}

/** A policy of a project. */
export interface NamedPolicy extends Policy {
  /** Name of its type. */
  readonly name: string;
  /** The policy runs before all others of the request. */
  readonly first: boolean;
  /** The policy answers preflights of CORS, for methods that the resource has. */
  readonly answersPreflights: boolean;
}

/** Services of a gateway server for its policies. */
export interface PolicyServices {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** States that policies share, and that outlive a revision. */
  readonly shared: SharedStates;
  readonly outbound: Outbound;
  /** Caches that answer requests, so that purges reach them. */
  readonly caches: Caches;
  /** Standard output. */
  readonly lines: Lines;
  /** Consumers and products. */
  readonly callers: Callers;
  /** Limits that hold over all gateway servers. */
  readonly limits: Limits;
}

/** Takes lines of text, and never makes the caller wait: what cannot be written is dropped. */
export interface Lines {
  /** @param line ASCII of at most 4096 octets, with a newline at its end */
  write(line: string): void;
}

/** The place of one policy, and what it may use. */
export interface PolicyScope {
  readonly project: string;
  /** Base path of the project: `/`, or without a slash at its end. */
  readonly basePath: string;
  /** Text that names the policy's place in the project, the same in the next revision as long as the resource has the same path and methods. */
  readonly place: string;
  readonly services: PolicyServices;
  /** The API that the project was imported from; undefined: it has no part `openapi`. */
  readonly api: ImportedApi | undefined;
  /** Paths of the project's resources. */
  readonly resources: readonly string[];
}

/** A fault in a part of a policy's settings. */
export interface SettingsFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** References that a policy replaces itself, as they stand between `${` and `}`. */
export interface References {
  knows(reference: string): boolean;
  /** All of them, for messages; a word in capitals stands for a name. */
  readonly shown: readonly string[];
}

/** A type of policies: the schema of its settings, and the points where it may run. */
export interface PolicyType<Schema extends z.ZodType = z.ZodType> {
  readonly settings: Schema;
  readonly points: readonly PolicyPoint[];
  /** References in texts of its settings that the policy itself replaces at each request. Default: none. */
  readonly references?: References;
  /** True: each place has a policy of its own, although the same settings stand elsewhere, because it counts or keeps something. Default false. */
  readonly stateful?: boolean;
  /** True: it runs before all others of the request, wherever it is written. Default false. */
  readonly first?: boolean;
  /** True: OPTIONS requests that are preflights of CORS reach it by the method that they ask about. Default false. */
  readonly answersPreflights?: boolean;
  /** Finds what is wrong with settings beside the rest of their project. Default: nothing. Only called by checks; `create` throws for the same reasons. */
  faults?(settings: z.output<Schema>, api: ImportedApi | undefined): Pieces<readonly SettingsFault[]>;
  /** Names of the parameters of the resource's path that settings refer to; `*`: what follows that path. A resource without them is a fault. */
  readonly parameters?: (settings: z.output<Schema>) => readonly string[];
  /** Targets of the project that the settings name, each with its place in them. Default: none. */
  targets?(settings: z.output<Schema>): readonly (readonly [path: readonly PropertyKey[], target: string])[];
  /**
   * True: its decision needs nothing but the request, and changes nothing else, so that it can be shown for a request that is not sent. Default false: only
   * gateway servers decide.
   */
  readonly dry?: boolean | ((settings: z.output<Schema>) => boolean);
  /** Starts nothing: a policy that is created may never be served. Each of a large number of settings is one piece. */
  create(settings: z.output<Schema>, scope: PolicyScope): Pieces<Policy>;
}
