import type { ExchangeRecord } from '../access-log/access-log.ts';
import type { RequestView, ResponseView } from '../http1/message/message.ts';
import type { FailureKind, ListenerCounts } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import type { RetryBudget } from './retry.ts';
import type { Upstream } from './upstream.ts';

/** What a role does with requests. Called once for each valid request head. */
export interface Handler {
  /** Must lead to one of `forward`, `respond` or `fail`, at once or later. */
  request(exchange: Exchange): void;
  /**
   * A bug: something threw, in this role or below it. The exchange that it met, if any, was ended (500, or cut off if the response had
   * begun), and everything else goes on. Told once, to be logged with its stack.
   */
  fault(error: unknown, requestId: string | undefined): void;
}

/** One request and its response, on its way through a role. Valid until its end; never kept longer. */
export interface Exchange {
  /** `x-request-id`: the client's if sane, else made here. */
  readonly id: string;
  readonly request: RequestView;
  /** The upstream's response; only while `Route.response` runs. */
  readonly response: ResponseView;
  /** Address of the client: the peer's, or, behind a trusted proxy, the one it reported. */
  readonly clientAddress: string;
  /** Address of the listener it came in on, as configured. */
  readonly listener: string;
  /** For the role's own use during this exchange, for example the resource matched. */
  context: unknown;
  /** What it is counted under when it ends: its listener's, until a role knows better. */
  counter: ExchangeCounter;
  /** Told when it has ended. */
  watcher?: ExchangeWatcher | undefined;
  /** Sends the request on; the route says where and how. */
  forward(route: Route): void;
  /** Answers it here. The body's length is added; the request's body is read and dropped, or the connection closed. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void;
  /** Answers it here with a short problem+json. */
  fail(failure: Failure): void;
}

/** Who wants to know how an exchange went. */
export interface ExchangeWatcher {
  ended(record: ExchangeRecord): void;
}

/** Where requests of one kind go and under which rules; long-lived, shared by many exchanges. */
export interface Route {
  readonly settings: RouteSettings;
  readonly budget: RetryBudget;
  /** The next place to try, or undefined: 503. `tried` failed already. No allocation, no throwing. */
  pick(exchange: Exchange, tried: readonly Upstream[]): Upstream | undefined;
  /** Before the head for `upstream` is made: the new target and Host, if they change. */
  rewrite?(exchange: Exchange, upstream: Upstream): { target: string; host: string } | undefined;
  /** The final response head has arrived and may be edited; `upstream` sent it. */
  respond?(exchange: Exchange, upstream: Upstream): void;
  /** How one attempt went; health listens here. */
  observe?(upstream: Upstream, outcome: Outcome): void;
}

/** The part of an environment's specification that one exchange obeys; durations in milliseconds, 0: no limit. */
export type RouteSettings = Pick<EnvironmentSpec, 'retries' | 'limits' | 'timeouts' | 'exposeServer'>;

/**
 * How an attempt ended. `answered` carries any complete response head, whatever its status;
 * `aborted` is the client's doing and says nothing of the upstream.
 */
export type Outcome =
  | { readonly kind: 'answered'; readonly status: number; readonly headMs: number }
  | { readonly kind: FailureKind; readonly reason: string }
  | { readonly kind: 'aborted'; readonly reason: string };

/** What Sluice itself answers with: see `failures.ts` for the table. */
export interface Failure {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** For people; no address, no version. */
  readonly title: string;
}

/** An open listener. */
export interface Listener {
  /** As bound: a port of 0 is resolved. */
  readonly address: string;
  /** Client connections open, idle ones included. */
  readonly connections: number;
  /** Exchanges and upgraded connections in flight. */
  readonly active: number;
  readonly counts: ListenerCounts;
  /** While true, responses say `Connection: close`; new connections are still taken. */
  lameDuck: boolean;
  /** Replaces the settings, for connections open as well. */
  update(settings: ListenerSettings): void;
  /** Stops accepting, closes idle connections, lets the rest finish; after `graceMs` destroys what is left. Settles when none is left. */
  close(graceMs: number): Promise<void>;
}

/** What a listener needs to know; objects may be replaced while it runs. */
export interface ListenerSettings {
  readonly headerBytes: number;
  /** Field lines that a head may have; 100 unless said, as most servers take. */
  readonly fields?: number;
  readonly timeouts: Pick<EnvironmentSpec['timeouts'], 'requestHead' | 'clientIdle'>;
  /** CIDRs whose `X-Forwarded-*` and `Forwarded` are believed and extended. */
  readonly trustedProxies: readonly string[];
}
