import type { Clock } from '../model/clock.ts';

/** The facts of one exchange, complete when it has ended. Texts that the client sent are Latin-1: one character for each octet. */
export interface ExchangeRecord {
  readonly id: string;
  readonly client: string;
  readonly method: string;
  /** Scheme of the client's connection. */
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly target: string;
  /** Minor version of the request's HTTP/1. */
  readonly minor: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** Subject of the client's certificate (RFC 4514), accepted or not; undefined: none was shown, or the environment does not look at it. */
  readonly clientCertificate?: string | undefined;
  /** Consumer that a policy of the gateway server has found, %-encoded; undefined: none. */
  readonly consumer?: string | undefined;
  /** Status that the client got; 0 if it got none. */
  readonly status: number;
  /** Octets of the response's body that were sent. */
  readonly octets: number;
  readonly durationMs: number;
  /** The server that answered; undefined if Sluice answered itself. */
  readonly server: string | undefined;
  /** True if the exchange was broken off before the end of its response. */
  readonly aborted: boolean;
}

/** Called once for every exchange, when it has ended. A listener without an access log makes no records. */
export type AccessLog = (record: ExchangeRecord) => void;

/** Format of the lines: one JSON object per line, or the "combined" format of Apache and nginx. */
export type AccessLogFormat = 'json' | 'combined';

/** Format and destination of an access log. */
export interface AccessLogSettings {
  readonly format: AccessLogFormat;
  /** File that lines are appended to; undefined: standard output. */
  readonly path?: string | undefined;
}

/**
 * Makes the line for one exchange: only ASCII, at most 4,096 octets (`PIPE_BUF`), ended by a line feed. Nothing that a client sends can end
 * a line, or a field of it, early.
 */
export type LineMaker = (record: ExchangeRecord) => string;

/** Options of every format. */
export interface LineOptions {
  readonly clock: Pick<Clock, 'date'>;
  /** Number of the worker process; undefined in the first process. */
  readonly worker?: number | undefined;
}

/** Destination of lines. `write` never waits and never throws. */
export interface LineSink {
  write(line: string): void;
}
