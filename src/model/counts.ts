import { type Latencies, noLatencies } from './latency.ts';

/** Why an attempt at a server failed. `head-timeout`: it took the request and hung; `truncated`: its response broke off after the head. */
export const failureKinds = ['connect-failed', 'connect-timeout', 'reset', 'head-timeout', 'bad-response', 'truncated'] as const;
export type FailureKind = (typeof failureKinds)[number];

/** Why another server was tried. `status`: by configuration; `hung`: its checks failed while a request waited for its answer. */
export const retryReasons = ['connect-failed', 'connect-timeout', 'reset', 'status', 'hung'] as const;
export type RetryReason = (typeof retryReasons)[number];

/** What was asked of one server (or target) so far. Counters only grow. */
export interface ServerCounts {
  /** Attempts begun. Each ends as a response, a failure, or abandoned. */
  readonly requests: number;
  /** Attempts that failed, of whatever kind. */
  readonly failures: number;
  readonly failed: Readonly<Record<FailureKind, number>>;
  /** Attempts given up before a response head, because the client went away or the time was over. */
  readonly abandoned: number;
  /** Responses by first digit of the status: index 1 to 5. */
  readonly statuses: readonly number[];
  /** From sending a request to the head of its response. */
  readonly latencies: Latencies;
  /** Connections opened. */
  readonly connects: number;
  /** Attempts on a connection that had carried one before. */
  readonly reuses: number;
}

/** Nothing asked yet. */
export const noServerCounts: ServerCounts = {
  requests: 0,
  failures: 0,
  failed: { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, 'head-timeout': 0, 'bad-response': 0, truncated: 0 },
  abandoned: 0,
  statuses: [0, 0, 0, 0, 0, 0],
  latencies: noLatencies,
  connects: 0,
  reuses: 0,
};

/** What clients asked of an environment, resource or listener, and were answered. Counters only grow. */
export interface ExchangeCounts {
  /** Exchanges that ended, by first digit of the status that the client got: index 1 to 5; 0: none. */
  readonly statuses: readonly number[];
  /** Those that broke off before their end, whoever's doing it was. */
  readonly aborted: number;
  /** Of bodies, without their framing. */
  readonly requestOctets: number;
  readonly responseOctets: number;
  /** From the request's head to the end of the response; of an upgrade, to the switch. */
  readonly durations: Latencies;
  /** Answers that Sluice made itself, by the `code` in them. */
  readonly own: Readonly<Record<string, number>>;
  /** Requests that a policy answered, by its name. */
  readonly rejections: Readonly<Record<string, number>>;
}

/** What was done for requests that one server alone could not answer. Counters only grow. */
export interface RetryCounts {
  readonly retries: Readonly<Record<RetryReason, number>>;
  /** Retries not made because the budget was spent. */
  readonly exhausted: number;
  /** Requests sent once more to the same server, since a kept connection was closed just then. */
  readonly resends: number;
}

/** What became of requests that had to wait for a server with room. Counters only grow. */
export interface QueueCounts {
  /** Turned away, because too many waited already. */
  readonly overflows: number;
  /** Turned away, because no server had room in time. */
  readonly timeouts: number;
  /** How long each waited, whatever became of it. */
  readonly waits: Latencies;
}

/** Everything counted of an environment. */
export interface EnvironmentCounts extends ExchangeCounts, RetryCounts, QueueCounts {}

const noExchangeCounts: ExchangeCounts = {
  statuses: [0, 0, 0, 0, 0, 0],
  aborted: 0,
  requestOctets: 0,
  responseOctets: 0,
  durations: noLatencies,
  own: {},
  rejections: {},
};

/** Nothing asked yet. */
export const noEnvironmentCounts: EnvironmentCounts = {
  ...noExchangeCounts,
  retries: { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, status: 0, hung: 0 },
  exhausted: 0,
  resends: 0,
  overflows: 0,
  timeouts: 0,
  waits: noLatencies,
};

/** What came in at one address. Counters only grow. */
export interface ListenerCounts extends ExchangeCounts {
  /** Client connections taken. */
  readonly accepted: number;
}

/** Nothing came yet. */
export const noListenerCounts: ListenerCounts = { ...noExchangeCounts, accepted: 0 };
