import type { ExchangeRecord } from '../access-log/contract.ts';
import type { RequestBody, ResponseBody } from '../http1/message/bodies.ts';
import type { RequestView, ResponseView } from '../http1/message/message-view.ts';
import type { NameRule } from '../http1/message/name-rule.ts';
import type { FailureKind, ListenerCounts } from '../model/counts.ts';
import type { EnvironmentSpec } from '../model/environment.ts';
import type { HopTls } from '../tls/hop-tls.ts';
import type { ListenerTls } from '../tls/listener-tls.ts';
import type { Blame } from './blame.ts';
import type { EndCounter, ExchangeCounter } from './exchange-counter.ts';
import type { RequestQueue } from './request-queue.ts';
import type { RetryBudget } from './retry.ts';
import type { Rewrite } from './rewrite.ts';
import type { Upstream } from './upstream.ts';

/** A role's decision about each request. */
export interface Handler {
  /** Called once for each valid request head. Must lead to one of `forward`, `respond` or `fail`, at once or later. */
  request(exchange: Exchange): void;
  /**
   * Called once for each bug, to log it with its stack: something threw, in the role or below it. The exchange in which that happened, if
   * any, has been ended (500, or cut off if its response had begun); all other exchanges continue.
   */
  fault(error: unknown, requestId: string | undefined): void;
  /** Lines in which this server says who it is, as it agrees to a link with a balancer; undefined: it agrees to none. */
  readonly linkFields?: string | undefined;
  /** Called when a peer breaks the rules of a link, which is closed. */
  linkFault?(peer: string, reason: string): void;
}

/** One request and its response, on its way through a role. Valid until the response has ended; must not be kept longer. */
export interface Exchange extends RequestBody, ResponseBody {
  /** Value of `x-request-id`: the client's if it is well-formed, else generated here. */
  readonly id: string;
  readonly request: RequestView;
  /** The upstream's response; readable only while `Route.respond` runs. */
  readonly response: ResponseView;
  /** IP address of the client: the peer's or, behind a trusted proxy, the one that the proxy reported. */
  readonly clientAddress: string;
  /** A proxy passed the request on, as its fields or its version tell. Fields count that the client's Connection nominated, too. */
  readonly forwarded: boolean;
  /** The client's connection has TLS. */
  readonly secure: boolean;
  /** The connection is one of a balancer, which has shown its certificate. Default false. */
  readonly fromBalancer?: boolean;
  /**
   * Decides about the certificate that the client has shown on its connection. If the authorities of these files issued it, and their revocation
   * lists do not name it, the upstream gets it in Client-Cert (RFC 9440), and no other.
   * @param files key of the files with the authorities and their revocation lists
   * @param withChain the upstream gets the intermediate certificates too, in Client-Cert-Chain
   */
  identify?(files: string, withChain: boolean): 'missing' | 'refused' | 'accepted';
  /** Subject (RFC 4514) of the certificate that {@link identify} has accepted; absent: none. */
  readonly clientSubject?: string | undefined;
  /** Address of the listener that accepted the connection, as configured. */
  readonly listener: string;
  /** The exchange has ended: nothing more can be sent. */
  readonly over: boolean;
  /** Free for the role's own use during the exchange, for example for the resource that matched. */
  context: unknown;
  /** Counts the exchange when it ends: the listener's counter, until a role sets a more specific one. */
  counter: ExchangeCounter;
  /** Counts the exchange for its consumer as well; undefined: it has none. */
  callerCounter?: EndCounter | undefined;
  /** The culprit if the answer has a 5xx status; undefined: this server itself. Set by roles that answer to a balancer. */
  blame?: Blame | undefined;
  /** Consumer of the request as {@link consumerText} writes it; for records. */
  consumer?: string | undefined;
  /** True: the response tells the balancer in front the consumer. Default false. */
  tellsConsumer?: boolean;
  /** The request may introduce a balancer on its connection: responses on that tell an older one nothing that it would pass on. */
  introduced?(): void;
  /** Where requests like this one should go, as `told-home.ts` tells it to the balancer in front. */
  home?: string | undefined;
  /** Fields of responses that are made here; a role sets them. */
  ownFields?: Readonly<Record<string, string>> | undefined;
  /** More fields of responses that are made here, which come before {@link ownFields}. They are asked for only when there is such a response. */
  moreFields?: OwnFields | undefined;
  /** True: the connection is kept after the response, even while the listener asks clients to connect elsewhere. Default false. */
  keepOpen?: boolean;
  /** Asked before a failure of the upstream (502, 503, 504) is answered; true: it has answered instead. */
  fallback?: ((failure: Failure) => boolean) | undefined;
  /** Notified when the exchange has ended. */
  watcher?: ExchangeWatcher | undefined;
  /**
   * The same request once more, as an exchange without client: what answers it can be observed, and is discarded. It has no body. Undefined: too
   * many of them are under way.
   */
  copy(): Exchange | undefined;
  /** Copies the request's body while it passes, up to `most` octets; `done` gets all of it, or undefined if it is larger or broken off. */
  tapBody?(most: number, done: (body: Buffer | undefined) => void): void;
  /** Sends the request to an upstream of `route`, under the route's rules. */
  forward(route: Route): void;
  /** Answers the request here, also while `Route.respond` runs, in place of the upstream. Content-Length is added; the request's body is read and dropped, or the connection is closed. */
  respond(status: number, headers: AnswerFields, body: string | Buffer): void;
  /** Answers the request here with a short problem+json. @param headers fields to add */
  fail(failure: Failure, headers?: Readonly<Record<string, string>>): void;
}

/** Fields that are put together when a response is made here. */
export interface OwnFields {
  toRecord(): Readonly<Record<string, string>>;
}

/** Fields of an answer that is made here, by name; a list stands for several lines. */
export type AnswerFields = Readonly<Record<string, string | readonly string[]>>;

/** Notified of the end of one exchange. */
export interface ExchangeWatcher {
  /** Called first, with facts that are at hand. */
  settled?(facts: EndFacts): void;
  /** Called with the whole record, which is put together for that: it reads fields and decodes text. */
  ended?(record: ExchangeRecord): void;
}

/** The part of a record that is known without reading the request again. */
export type EndFacts = Pick<ExchangeRecord, 'status' | 'octets' | 'durationMs' | 'server' | 'aborted'>;

/** The upstreams for one kind of request, and the rules for using them. Long-lived, shared by many exchanges. */
export interface Route {
  readonly settings: RouteSettings;
  readonly budget: RetryBudget;
  /** The culprit named in 5xx answers from upstreams, and because of them; undefined: answers do not say. */
  readonly blame?: Blame | undefined;
  /** Where requests wait for a server with room, if the settings allow for it; undefined: they never wait. */
  readonly queue?: RequestQueue | undefined;
  /**
   * The upstream to try next, none of `tried`, which failed already; undefined: no upstream has room. Must not allocate or throw.
   * @param any true: also another one than the upstream that the exchange belongs to, while that is full
   */
  pick(exchange: Exchange, tried: readonly Upstream[], any?: boolean): Upstream | undefined;
  /** True if the last `pick` for the exchange found its own upstream full: the exchange may wait for that one, though others have room. */
  waitsForOne?(exchange: Exchange): boolean;
  /** Called before the request head for `upstream` is written: the new target and Host, if they change. They are read before the next call. */
  rewrite?(exchange: Exchange, upstream: Upstream): Rewrite | undefined;
  /** Called with the final response head of `upstream`, to edit it through `exchange.response`, or to answer in its place. */
  respond?(exchange: Exchange, upstream: Upstream): void;
  /** Called with what a gateway server says of the home of a request; see `told-home.ts`. */
  homed?(exchange: Exchange, home: string): void;
  /** Called with the outcome of each attempt, for passive health checks. It is valid only during the call. */
  observe?(upstream: Upstream, outcome: Outcome): void;
}

/** The part of an environment's specification that one exchange obeys; durations in milliseconds, 0: no limit. */
export type RouteSettings = Pick<EnvironmentSpec, 'retries' | 'limits' | 'timeouts' | 'exposeServer'>;

/**
 * Outcome of an attempt. `answered`: a complete response head came, with whatever status; `aborted`: the attempt was given up for a
 * reason that says nothing about the upstream, mostly because the client left.
 */
export type Outcome =
  /** `blame`: who is to blame for a 5xx status, as the upstream says; undefined: the upstream. */
  | { readonly kind: 'answered'; readonly status: number; readonly headMs: number; readonly blame?: Blame | undefined }
  /** `silent`: the upstream said nothing for too long, as an application may that has nothing to say. */
  | { readonly kind: FailureKind; readonly reason: string; readonly silent?: boolean }
  /** This process lacked descriptors, local ports or memory for the attempt. */
  | { readonly kind: 'shortage'; readonly reason: string }
  | { readonly kind: 'aborted'; readonly reason: string };

/** An answer that Sluice makes itself: `failures.ts` has the table. */
export interface Failure {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** For people; contains no address and no version. */
  readonly title: string;
}

/** An open listener. */
export interface Listener {
  /** Address as bound: a port of 0 is resolved. */
  readonly address: string;
  /** Open client connections, idle ones included. */
  readonly connections: number;
  /** Greatest number of client connections: that of the listener, or what the process has room for beside its other connections; 0: no limit is known. */
  readonly limit: number;
  /** Exchanges in flight, and open upgraded connections. */
  readonly active: number;
  readonly counts: ListenerCounts;
  /** While true, responses say `Connection: close`; new connections are still accepted. */
  lameDuck: boolean;
  /** Replaces the settings, for open connections too. */
  update(settings: ListenerSettings): void;
  /**
   * Stops accepting, closes idle connections, lets exchanges finish, and destroys what is left after `graceMs`. Resolves when all
   * connections are closed.
   */
  close(graceMs: number): Promise<void>;
}

/** Settings of a listener; may be replaced while it runs. */
export interface ListenerSettings {
  readonly headerBytes: number;
  /** Least octets per second of a request body; 0: no least rate. */
  readonly bodyRate: number;
  /** Field lines that a head may have. Default 100, the limit of most servers. */
  readonly fields?: number;
  readonly timeouts: Pick<EnvironmentSpec['timeouts'], 'requestHead' | 'requestBody' | 'clientIdle'>;
  /** Treatment of field names with other characters than letters, digits and hyphens. Default: drop. */
  readonly underscores?: NameRule;
  /** Greatest number of client connections; `auto`, the default: what the process has room for. */
  readonly connections?: EnvironmentSpec['limits']['connections'];
  /** Answers for lack of room say so in `Sluice-Fault`, for balancers. Default false. */
  readonly tellsFaults?: boolean;
  /** CIDR ranges of proxies whose `X-Forwarded-*` and `Forwarded` are believed and extended. */
  readonly trustedProxies: readonly string[];
  /**
   * True for what a balancer of this registry sends to prove that it is one: what it says about its clients is believed, and passed on as it came.
   * Asked at each request of a connection with such a proof. Default: none is known so.
   */
  readonly knowsBalancer?: ((proof: string) => boolean) | undefined;
  /** CIDR ranges of senders whose connections must begin with a header of the PROXY protocol. Default: none. */
  readonly proxyProtocol?: readonly string[];
  /** Certificates and settings of TLS; undefined: connections are plain. Holds private keys: never log it. */
  readonly tls?: ListenerTls | undefined;
  /** TLS for balancers, which show certificates; undefined: there is none. Holds a private key: never log it. */
  readonly hop?: HopTls | undefined;
  /**
   * True for an IP address whose connections may be plain, beside TLS on the same port: their first octet decides. All others without TLS get
   * no answer. Undefined: all connections have TLS if there is any, else none has it.
   */
  readonly mayBePlain?: ((peer: string) => boolean) | undefined;
  /** Answers to authorities that ask for proof of a name, by token; undefined: none asks at present. */
  readonly challengeAnswers?: Readonly<Record<string, string>> | undefined;
  /** Every request is answered with a redirect to https at this port; undefined: requests go to the role. */
  readonly redirectPort?: number | undefined;
}
