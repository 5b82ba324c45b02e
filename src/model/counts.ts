import { type Latencies, noLatencies } from './latency.ts';

/** Reasons for a failed attempt. `head-timeout`: no response head in time; `truncated`: the response broke off after its head. */
export const failureKinds = ['connect-failed', 'connect-timeout', 'reset', 'head-timeout', 'bad-response', 'truncated'] as const;
export type FailureKind = (typeof failureKinds)[number];

/** Reasons for a retry on another server. `status`: the response has a status to be retried; `hung`: the server's health checks failed during the attempt; `shortage`: this process or the server lacked descriptors, ports or memory. */
export const retryReasons = ['connect-failed', 'connect-timeout', 'reset', 'status', 'hung', 'shortage'] as const;
export type RetryReason = (typeof retryReasons)[number];

/** Counts of one server (or target). They only grow. */
export interface ServerCounts {
  /** Started attempts. Each ends with a response, with a failure, or abandoned. */
  readonly requests: number;
  /** Failed attempts of every kind. */
  readonly failures: number;
  /** Failed attempts by kind. */
  readonly failed: Readonly<Record<FailureKind, number>>;
  /** Attempts abandoned before a response head, because the client disconnected or the exchange's time limit was reached. */
  readonly abandoned: number;
  /** Responses by first digit of the status, index 1 to 5. */
  readonly statuses: readonly number[];
  /** Responses among them with a 5xx status for which, as the server says, a target or project is to blame. */
  readonly targetErrors: number;
  /** Attempts that this process could not make, because it lacked descriptors, local ports or memory. Not among `failures`. */
  readonly shortages: number;
  /** Times from sending a request to the head of its response. */
  readonly latencies: Latencies;
  /** Opened connections. */
  readonly connects: number;
  /** Attempts on a connection that had carried another one before. */
  readonly reuses: number;
}

/** All counts at zero. */
export const noServerCounts: ServerCounts = {
  requests: 0,
  failures: 0,
  failed: { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, 'head-timeout': 0, 'bad-response': 0, truncated: 0 },
  abandoned: 0,
  statuses: [0, 0, 0, 0, 0, 0],
  targetErrors: 0,
  shortages: 0,
  latencies: noLatencies,
  connects: 0,
  reuses: 0,
};

/** Counts of the exchanges of an environment, resource or listener. They only grow. */
export interface ExchangeCounts {
  /** Ended exchanges by first digit of the status that the client got, index 1 to 5; index 0: no status. */
  readonly statuses: readonly number[];
  /** Exchanges that broke off before their end, on either side. */
  readonly aborted: number;
  /** Octets of request bodies, without their framing. */
  readonly requestOctets: number;
  /** Octets of response bodies, without their framing. */
  readonly responseOctets: number;
  /** Times from the request's head to the end of the response; for an upgrade, to the response head. */
  readonly durations: Latencies;
  /** Responses made by Sluice itself, by their `code`. */
  readonly own: Readonly<Record<string, number>>;
  /** Requests refused by a policy, by the policy's name. */
  readonly rejections: Readonly<Record<string, number>>;
}

/** Counts of retries. They only grow. */
export interface RetryCounts {
  /** Retries on another server, by reason. */
  readonly retries: Readonly<Record<RetryReason, number>>;
  /** Retries not made because the retry budget was spent. */
  readonly exhausted: number;
  /** Requests sent again to the same server, because it closed the kept-alive connection just as they were sent. */
  readonly resends: number;
}

/** Counts of the queue of requests that wait for a server below its limit. They only grow. */
export interface QueueCounts {
  /** Requests refused because the queue was full. */
  readonly overflows: number;
  /** Requests refused because they waited too long. */
  readonly timeouts: number;
  /** Waiting times, of refused requests as well. */
  readonly waits: Latencies;
}

/** All counts of an environment. */
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

/** All counts at zero. */
export const noEnvironmentCounts: EnvironmentCounts = {
  ...noExchangeCounts,
  retries: { 'connect-failed': 0, 'connect-timeout': 0, reset: 0, status: 0, hung: 0, shortage: 0 },
  exhausted: 0,
  resends: 0,
  overflows: 0,
  timeouts: 0,
  waits: noLatencies,
};

/** Counts of one listener. They only grow. */
export interface ListenerCounts extends ExchangeCounts {
  /** Accepted client connections. */
  readonly accepted: number;
  /** Idle ones among them that were closed to make room for others. */
  readonly closedForRoom: number;
  /** Accepted ones that were refused, because there was no room and none was idle. */
  readonly refused: number;
}

/** All counts at zero. */
export const noListenerCounts: ListenerCounts = { ...noExchangeCounts, accepted: 0, closedForRoom: 0, refused: 0 };
