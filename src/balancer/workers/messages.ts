import type { AccessLogSettings } from '../../access-log/access-log.ts';
import type { ListenerSettings } from '../../proxy/contract.ts';
import type { FailureReport, TableEnvironment } from '../table.ts';
import type { WorkerCounts } from './worker-counts.ts';

/** What the first process tells a worker; each is carried out in order. */
export type ToWorker =
  | ({ readonly kind: 'begin' } & WorkerSettings)
  | { readonly kind: 'apply'; readonly table: TableEnvironment }
  | { readonly kind: 'remove'; readonly name: string }
  /** The bound socket comes along as a handle. */
  | { readonly kind: 'open'; readonly listener: number; readonly address: string; readonly settings: ListenerSettings }
  | { readonly kind: 'update'; readonly listener: number; readonly settings: ListenerSettings }
  | { readonly kind: 'close'; readonly listener: number; readonly graceMs: number }
  /** Close so many client connections with their next answers: other workers have less to do. */
  | { readonly kind: 'shed'; readonly connections: number }
  /** The access log's file was renamed: make a new one. */
  | { readonly kind: 'reopen-log' }
  /** Answered with `ready` once everything before it is done. */
  | { readonly kind: 'settle' }
  /** Close every listener, let what is in flight finish for so long, end. */
  | { readonly kind: 'drain'; readonly graceMs: number };

/** What a worker tells the first process. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly listener: number }
  /** `code` is the system's. */
  | { readonly kind: 'refused'; readonly listener: number; readonly code: string | undefined; readonly reason: string }
  | { readonly kind: 'closed'; readonly listener: number }
  | { readonly kind: 'suspect'; readonly environment: string; readonly id: string }
  | ({ readonly kind: 'report' } & FailureReport)
  /** What is new. Also the sign of life: sent even when nothing is. `cpuMs`: processor time used since the process started. `dropped`: lines of the access log, since the last report. */
  | { readonly kind: 'counts'; readonly counts: WorkerCounts; readonly cpuMs: number; readonly dropped: number }
  /** It was asked from outside to end, and asks for a successor first. */
  | { readonly kind: 'relieve' };

/** What a worker is told once, when it starts. */
export interface WorkerSettings {
  readonly accessLog: AccessLogSettings | false;
  /** Milliseconds for what is in flight when the first process is gone without a word. */
  readonly graceMs: number;
}
