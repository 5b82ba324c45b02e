import type { Environment, EnvironmentSpecInput } from '../model/environment.ts';
import type { Project, ProjectSummary, Revision } from '../model/project.ts';
import type { LeasedServer, ProjectState, ServerSource } from '../model/server.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';

/**
 * The truth about environments, projects and deployments (durable) and servers (leased).
 *
 * One contract, three implementations (redis, embedded, remote), one test suite over all of them.
 * Every change is atomic: it happens as a whole or not at all, whatever dies in between. Refusals are
 * `SluiceError`s; when the registry itself can't be reached, their code is `unavailable`.
 */
export interface Registry {
  environments(): Promise<Environment[]>;
  environment(name: string): Promise<Environment | undefined>;
  /** Creates or replaces; changed variables make a new snapshot version. Same content: no change, no news. */
  putEnvironment(name: string, spec: EnvironmentSpecInput): Promise<Environment>;
  /** `not-empty` if it has servers or deployments, unless forced; then its servers become available. */
  deleteEnvironment(name: string, options?: { force?: boolean }): Promise<void>;

  projects(): Promise<ProjectSummary[]>;
  /**
   * The same content as the newest revision makes none: `created` is false then. Of more than 1,000 revisions of a project the oldest
   * are forgotten that are deployed nowhere and that no environment could be rolled back to; no number is given twice.
   */
  pushProject(project: Project): Promise<{ name: string; revision: number; created: boolean }>;
  /** Without a number, the newest. */
  revision(name: string, revision?: number): Promise<Revision | undefined>;

  /** Without a revision, the newest. `base-path-taken` if another project has it; `version-mismatch` if `expect` is not the current version. */
  deploy(environment: string, project: string, options?: { revision?: number; expect?: number }): Promise<Snapshot>;
  undeploy(environment: string, project: string, options?: { expect?: number }): Promise<Snapshot>;
  /** Deploys the revision that was deployed there before the present one. */
  rollback(environment: string, project: string, options?: { expect?: number }): Promise<Snapshot>;
  snapshot(environment: string): Promise<Snapshot>;
  /**
   * After the registry was emptied, gives an environment back what somebody knows to have been deployed there last, with the
   * projects under the numbers that they had. Of several who do, the one with the highest version of one epoch counts.
   * False, and nothing happens, where that could undo what an operator did since: anything was deployed to the environment, or
   * one of the projects was pushed anew.
   */
  restore(snapshot: Snapshot): Promise<boolean>;

  servers(): Promise<LeasedServer[]>;
  server(id: string): Promise<LeasedServer | undefined>;
  /**
   * Records the lease and answers the environment's current snapshot, in one step. The environment is, in this order:
   * for an instance already known, where it is now; what the request names; where the id was last assigned; none.
   * A new instance takes an id over from an earlier one.
   */
  join(request: JoinRequest): Promise<JoinAnswer>;
  /**
   * Extends the lease and reports what runs. `not-found` if this instance's lease is unknown: join again.
   * With `drained`, a server on the move has finished in its old environment and is now in the new one.
   */
  renew(report: Renewal): Promise<JoinAnswer>;
  /** Ends the lease. Nothing happens if the id belongs to another instance by now. */
  leave(id: string, instance: string): Promise<void>;
  /**
   * Into an environment, or (undefined) back to available. A joined server of another environment moves once it is
   * drained there (`movingTo`); one that registers by plain HTTP or is lost moves at once.
   */
  assign(id: string, environment: string | undefined): Promise<LeasedServer>;
  patchServer(id: string, patch: { draining?: boolean; weight?: number }): Promise<LeasedServer>;

  /**
   * Tells of changes made by anybody, from now on. News is a hint that may be lost or doubled: read the truth again.
   * After every reconnect the listener gets `resync`.
   *
   * A gateway names its own `server`, and of servers hears only what others changed of that one: otherwise each of a
   * thousand gateways would be told of every other's every change, and again of what it has just reported.
   */
  watch(listener: (news: News) => void, options?: { server?: string }): Watch;
  readonly link: Link;
  close(): Promise<void>;
}

/** Whether the registry answers at present, and since when (the clock's milliseconds). */
export interface Link {
  readonly up: boolean;
  readonly since: number;
}

/** A subscription; `ready` settles once no later change can be missed, or when the watch is closed before that. Never rejects. */
export interface Watch {
  readonly ready: Promise<void>;
  close(): void;
}

/** What may have changed. */
export type News =
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'project'; readonly name: string }
  /** The snapshot of environment `name` is now at `version`. */
  | { readonly kind: 'snapshot'; readonly name: string; readonly version: number }
  /** `own`: the server reported it itself; who watches for that server alone is not told. */
  | { readonly kind: 'server'; readonly name: string; readonly own?: true }
  /** Anything: read everything. */
  | { readonly kind: 'resync' };

export interface JoinRequest {
  readonly id: string;
  readonly instance: string;
  readonly environment?: string;
  readonly address: string;
  /** Absent: the operator's, else 1. */
  readonly weight?: number;
  readonly source: Exclude<ServerSource, 'static'>;
  readonly version: string;
  readonly startedAt: number;
  /** Milliseconds. */
  readonly ttl: number;
}

export interface Renewal {
  readonly id: string;
  readonly instance: string;
  readonly running?: SnapshotId;
  readonly projects: readonly ProjectState[];
  readonly leaving?: boolean;
  readonly drained?: boolean;
  /** The snapshot the caller holds; the answer carries another only if it differs. */
  readonly holds?: SnapshotId;
}

/** What a server is told about itself. */
export interface JoinAnswer {
  readonly server: LeasedServer;
  /** The wanted snapshot, unless the caller holds it already; absent for an available server. */
  readonly snapshot?: Snapshot;
}
