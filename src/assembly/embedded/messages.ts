import type { Family } from '../../metrics/family.ts';
import type { ErrorCode } from '../../model/fault.ts';
import type { News } from '../../model/news.ts';
import type { DeployedProject } from '../../model/snapshot.ts';
import type { SnapshotId } from '../../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../../model/snapshot-update.ts';
import type { Registry } from '../../registry/contract.ts';

/** A call's result, or why it failed. */
export type Answer = { readonly call: number } & (
  | { readonly value: unknown }
  | { readonly error: { readonly code?: ErrorCode; readonly message: string } }
);

/** A server of which the worker gets a copy. `instance` names it in all messages. */
export interface CopyOrder {
  readonly instance: string;
  readonly id: string;
  readonly environment: string;
  readonly address: string;
  readonly dataDir: string;
}

/** Messages about embedded servers from the main process to a worker, carried out in order. */
export type ToCopies =
  | ({ readonly kind: 'begin' } & CopyOrder)
  /** A project of the update that comes next. */
  | { readonly kind: 'part'; readonly instance: string; readonly project: DeployedProject }
  /** Apply this, with the projects that have come; without an update nothing runs any more. Answered by `runs`. */
  | { readonly kind: 'apply'; readonly instance: string; readonly update?: SnapshotUpdate }
  | { readonly kind: 'news'; readonly news: News }
  | { readonly kind: 'families'; readonly instance: string; readonly call: number }
  | { readonly kind: 'usage'; readonly instance: string; readonly call: number; readonly project?: string }
  | ({ readonly kind: 'answer' } & Answer)
  /** Let exchanges finish for so long, then end. Answered by `ended`. */
  | { readonly kind: 'end'; readonly instance: string; readonly graceMs: number };

type LimitAsks = Parameters<NonNullable<Registry['limits']>['ask']>[1];

/** Calls to the registry that a worker has the main process make. */
export type RegistryCall =
  | { readonly method: 'limits'; readonly holder: string; readonly asks: LimitAsks }
  | { readonly method: 'callersId' }
  | { readonly method: 'callerParts'; readonly wanted: readonly string[] };

/** Messages from a worker to the main process. */
export type FromCopies =
  | { readonly kind: 'runs'; readonly instance: string; readonly running?: SnapshotId }
  | { readonly kind: 'call'; readonly call: number; readonly asked: RegistryCall }
  | ({ readonly kind: 'answer' } & Answer)
  /** A part of the answer to `families`, which ends it; with `call` 0, of what the copy has counted when it ends, before `ended`. */
  | { readonly kind: 'family'; readonly instance: string; readonly call: number; readonly part: Family }
  | { readonly kind: 'ended'; readonly instance: string };
