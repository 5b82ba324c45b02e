import type { Clock } from '../model/clock.ts';
import { combinedLines } from './combined-line.ts';
import { jsonLines } from './json-line.ts';

/** What is known of an exchange when it has ended. Texts of the client's are Latin-1: a character is an octet. */
export interface ExchangeRecord {
  readonly id: string;
  readonly client: string;
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  /** Minor version of the request's HTTP/1. */
  readonly minor: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** 0: the client got none. */
  readonly status: number;
  /** Octets of the response's body that were sent. */
  readonly octets: number;
  readonly durationMs: number;
  /** The server that answered, if one did. */
  readonly server: string | undefined;
  /** It broke off before its end. */
  readonly aborted: boolean;
}

/** Hears of every exchange, once; absent, nothing is put together for it. */
export type AccessLog = (record: ExchangeRecord) => void;

/** How a line looks: an object a line, or what Apache and nginx call "combined". */
export type AccessLogFormat = 'json' | 'combined';

/** What is logged, and where. */
export interface AccessLogSettings {
  readonly format: AccessLogFormat;
  /** A file that is appended to; undefined: standard output. */
  readonly path?: string | undefined;
}

/**
 * Makes lines of ASCII alone, each with its line feed and at most 4,096 octets (`PIPE_BUF`); nothing that a client sends can end a line
 * or a field in it early.
 */
export type LineMaker = (record: ExchangeRecord) => string;

/** How lines are made in each format. */
export interface LineOptions {
  readonly clock: Pick<Clock, 'date'>;
  /** Number of the worker process, if it is one. */
  readonly worker?: number | undefined;
}

/** Takes lines; never waits, never throws. */
export interface LineSink {
  write(line: string): void;
}

const makers: Readonly<Record<AccessLogFormat, (options: LineOptions) => LineMaker>> = { json: jsonLines, combined: combinedLines };

/** An access log: a line for every exchange. */
export function accessLogTo(sink: LineSink, format: AccessLogFormat, options: LineOptions): AccessLog {
  const line = makers[format](options);
  return (record) => sink.write(line(record));
}
