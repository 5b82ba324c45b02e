import type { AccessLogSettings } from '../../access-log/contract.ts';
import type { ListenerSettings } from '../../proxy/contract.ts';
import type { FailureReport } from '../feedback.ts';
import type { TableEnvironment } from '../table.ts';
import type { WorkerCounts } from './worker-counts.ts';

/** Messages from the main process to a worker, carried out in order. The kinds stay: a rolling restart can run workers of a newer version. */
export type ToWorker =
  | ({ readonly kind: 'begin' } & WorkerSettings)
  | { readonly kind: 'apply'; readonly table: TableEnvironment }
  | { readonly kind: 'remove'; readonly name: string }
  /** Listen on the bound socket that comes along as a handle. */
  | { readonly kind: 'open'; readonly listener: number; readonly address: string; readonly settings: ListenerSettings }
  | { readonly kind: 'update'; readonly listener: number; readonly settings: ListenerSettings }
  | { readonly kind: 'close'; readonly listener: number; readonly graceMs: number }
  /** Close this many client connections with their next response, because other workers have less load. */
  | { readonly kind: 'shed'; readonly connections: number }
  /** Open the access log's file again, because it was renamed. */
  | { readonly kind: 'reopen-log' }
  /** For the counterpart, in the worker, of a part of the program beside the data plane. */
  | { readonly kind: 'beside'; readonly message: unknown }
  /** Answer with `ready` once all messages before this one are carried out. */
  | { readonly kind: 'settle' }
  /** Close every listener, give exchanges in flight this long, then end. */
  | { readonly kind: 'drain'; readonly graceMs: number };

/** Messages from a worker to the main process. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly listener: number }
  /** The listener could not be opened; `code` is the system's, for example `EADDRINUSE`. */
  | { readonly kind: 'refused'; readonly listener: number; readonly code: string | undefined; readonly reason: string }
  | { readonly kind: 'closed'; readonly listener: number }
  | { readonly kind: 'suspect'; readonly environment: string; readonly id: string }
  | ({ readonly kind: 'report' } & FailureReport)
  /**
   * Increase of the counts since the last report. Doubles as heartbeat, so that it is sent even without changes.
   * `cpuMs`: processor time used since the process started. `dropped`: access log lines dropped since the last report.
   */
  | { readonly kind: 'counts'; readonly counts: WorkerCounts; readonly cpuMs: number; readonly dropped: number }
  /** From the counterpart of a part of the program beside the data plane. */
  | { readonly kind: 'beside'; readonly message: unknown }
  /** The worker got SIGTERM from outside and asks to be replaced: its successor starts first, then it is drained. */
  | { readonly kind: 'relieve' };

/** Settings that are sent to a worker once, when it starts. */
export interface WorkerSettings {
  readonly accessLog: AccessLogSettings | false;
  /** Grace period, in milliseconds, of exchanges in flight when the main process has died. */
  readonly graceMs: number;
}
