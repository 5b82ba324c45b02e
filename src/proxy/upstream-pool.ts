import type { Introduction } from '../http1/connection/introduction.ts';
import type { ResponseSink, UpstreamConnection } from '../http1/connection/response-sink.ts';

/** The connections to one upstream, as `ConnectionPool` documents them. */
export interface UpstreamPool {
  idleMs: number;
  ageMs: number;
  introduction: Introduction | undefined;
  readonly open: number;
  readonly idle: number;
  readonly connects: number;
  readonly reuses: number;
  take(): UpstreamConnection | undefined;
  connect(sink: ResponseSink, connectMs: number, preface?: Buffer): UpstreamConnection;
  doubt(): void;
  retire(): void;
  revive(): void;
}
