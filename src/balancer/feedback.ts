import type { FailureKind } from '../model/counts.ts';

/** A server failed so many exchanges in a row that it should be ejected. */
export interface FailureReport {
  readonly environment: string;
  readonly id: string;
  /** Instance and address at the time of the failures: a restarted or moved server is not ejected for them. */
  readonly instance: string;
  readonly address: string;
  /** Kind of the last failure; `status` for a response with a 5xx status. */
  readonly failure: FailureKind | 'status';
  /** The last failure in words, for people. */
  readonly reason: string;
}

/** Reports from the data plane to the director: failing exchanges serve as passive health checks. */
export interface Feedback {
  /** Marks a server as suspect after a failed attempt: it is checked at once, out of turn. */
  readonly suspect: (environment: string, id: string) => void;
  /** Requests the ejection of a server. */
  readonly report: (report: FailureReport) => void;
}
