import type { LimitStore } from '../limits/limit-store.ts';
import type { CallerPart, CallersId } from '../model/caller-tree.ts';
import type { Consumer, ConsumerKey } from '../model/consumer.ts';
import type { ExpectedTags } from '../model/entity-tag.ts';
import type { Environment, EnvironmentSpecInput } from '../model/environment.ts';
import type { SluiceError } from '../model/fault.ts';
import type { HopCertificate } from '../model/hop.ts';
import type { JoinAnswer, JoinRequest, Renewal } from '../model/join.ts';
import type { Manifest, ManifestEntry, RevisionContent, RevisionId } from '../model/manifest.ts';
import type { CachePurge, News } from '../model/news.ts';
import type { Product } from '../model/product.ts';
import type { Project } from '../model/project.ts';
import type { ProjectSummary, Revision } from '../model/revision.ts';
import type { LeasedServer, ServerPatch, ServerRecord } from '../model/server.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SnapshotId } from '../model/snapshot-id.ts';
import type { UnreadDocument } from '../model/unread-document.ts';
import type { CheckedProject } from '../projects/checked-project.ts';

/**
 * The truth about environments, projects and deployments (durable) and servers (leased).
 *
 * One contract, three implementations (redis, embedded, remote), one test suite over all of them.
 * Every change is atomic: it happens as a whole or not at all, even if a process dies meanwhile. Refusals are
 * `SluiceError`s; their code is `unavailable` when the registry itself can't be reached.
 */
export interface Registry {
  environments(): Promise<Environment[]>;
  environment(name: string): Promise<Environment | undefined>;
  /** Creates or replaces an environment. Changed variables make a new snapshot version; the same content makes no change and no news. */
  putEnvironment(name: string, spec: EnvironmentSpecInput, options?: Conditional): Promise<Environment>;
  /**
   * Applies an environment's settings of a configuration file: only what changed in the file since they were last applied. What operators
   * changed otherwise stays, also that they deleted the environment. The file's settings are remembered for the next time. With `dryRun`
   * nothing is changed: it rejects as the change would.
   */
  applyEnvironment(name: string, file: EnvironmentSpecInput, options?: { dryRun?: boolean }): Promise<Applied>;
  /** Reads the settings of each environment as they were last applied from a configuration file. */
  appliedSettings(): Promise<ReadonlyMap<string, EnvironmentSpecInput>>;
  /** Forgets what was applied from a file that does not have the environment any more. */
  forgetApplied(name: string): Promise<void>;
  /**
   * Drains a static server of an environment, or ends its drain. That lasts until the settings no longer list the server. Rejects with
   * `not-found` if they do not.
   */
  drainStatic(environment: string, id: string, draining: boolean): Promise<Environment>;
  /** Rejects with `not-empty` if the environment has servers or deployments. With `force` it is deleted anyway; its servers become available. */
  deleteEnvironment(name: string, options?: Conditional & { force?: boolean }): Promise<void>;

  projects(): Promise<ProjectSummary[]>;
  project(name: string): Promise<ProjectSummary | undefined>;
  /**
   * Adds a revision, unless the content is that of the newest revision (then `created` is false). At most 1,000 revisions and
   * 64 MiB of a project are kept: older ones are dropped unless an environment runs them or could be rolled back to them. No revision number is used twice.
   */
  pushProject(project: Project | CheckedProject, options?: Conditional): Promise<{ name: string; revision: number; created: boolean }>;
  /**
   * Deletes a revision, or a project with all of its revisions; deleting the last revision deletes the project. Rejects with `in-use`, naming
   * the environments, while one runs it or can fall back to it. The number of a deleted revision is not used again while its project exists.
   */
  deleteProject(name: string, options?: Conditional & { revision?: number }): Promise<void>;
  /** Reads a revision; the newest if no number is given. */
  revision(name: string, revision?: number): Promise<Revision | undefined>;

  /**
   * Deploys a revision, the newest if none is given. Rejects with `base-path-taken` if another deployed project claims its base path,
   * and with `version-mismatch` if `expect` is not the environment's current version.
   */
  deploy(environment: string, project: string, options?: { revision?: number; expect?: number }): Promise<Deployed>;
  undeploy(environment: string, project: string, options?: { expect?: number }): Promise<Deployed>;
  /** Deploys the revision that was deployed there before the current one. */
  rollback(environment: string, project: string, options?: { expect?: number }): Promise<Deployed>;
  /** Reads the identity of the environment's snapshot, at a cost that does not depend on what is deployed. */
  snapshotId(environment: string): Promise<SnapshotId>;
  /**
   * Describes what is deployed, without contents; with `since`, only what changed since that snapshot, if that is still known. Nothing has changed
   * if the answer's `from` is its own identity.
   */
  manifest(environment: string, since?: SnapshotId): Promise<Manifest>;
  /**
   * Reads contents of at most 100 revisions, in their order. The answer may have only the first of them, at least one, if they are large: ask again
   * for the others. With `environment` it rejects with `not-found` unless the environment runs each of them or can fall back to it.
   */
  revisions(wanted: readonly RevisionId[], environment?: string): Promise<readonly RevisionContent[]>;
  /** Reads the whole snapshot with the contents of every revision. */
  snapshot(environment: string): Promise<Snapshot>;
  /**
   * Offers the last known snapshot of an environment after the registry lost its data: deploys its projects again, under the same
   * revision numbers. If there are several offers from one epoch, the one with the highest version wins.
   * Resolves to false, without any change, if it could undo what an operator did since: something was deployed to the environment, or
   * one of the projects was pushed again.
   */
  restore(snapshot: Snapshot): Promise<boolean>;

  servers(): Promise<readonly LeasedServer[]>;
  /** Reads the servers that are in an environment, at a cost that hardly depends on the number of others. */
  serversOf(environment: string): Promise<readonly LeasedServer[]>;
  server(id: string): Promise<LeasedServer | undefined>;
  /**
   * Records the lease and answers with the environment's current snapshot, in one step: as a whole, or for a server that understands updates as what
   * is new to the server. The environment is the first of these that is
   * known: where a known instance is now; the one that the request names; the one that the id was last assigned to; none.
   * A new instance takes the id over from an earlier one once that one's lease has ended, or before that if it proves to be the same
   * server. Otherwise rejects with `conflict`.
   */
  join(request: JoinRequest, caller?: Caller): Promise<JoinAnswer>;
  /**
   * Extends the lease and records what the server runs. Rejects with `not-found` if this instance has no lease: it must join again.
   * With `drained`, a moving server has finished in its old environment, and is put into the new one.
   */
  renew(report: Renewal, caller?: Caller): Promise<JoinAnswer>;
  /** Ends the lease. Does nothing if another instance has taken the id over. */
  leave(id: string, instance: string, caller?: Caller): Promise<void>;
  /**
   * Puts a server into an environment, or makes it available (undefined). A joined server that is in another environment moves once it
   * is drained there (`movingTo`); a server that registers by plain HTTP, or is lost, moves at once.
   */
  assign(id: string, environment: string | undefined, options?: Conditional): Promise<LeasedServer>;
  patchServer(id: string, patch: ServerPatch, options?: Conditional): Promise<LeasedServer>;
  /** Removes a lost server's record, and its assignment, which outlives the record. Rejects with `in-use` while the server holds its lease. */
  forgetServer(id: string, options?: Conditional): Promise<void>;

  /**
   * Calls `listener` for every change from now on, by any process. News is a hint that may be lost or doubled: the listener reads
   * the registry again. After every reconnect it gets `resync`.
   *
   * A gateway passes its own `server`, and then gets no news of other servers and none of its own reports. Otherwise each of a
   * thousand gateways would hear of every change of every other one.
   */
  watch(listener: (news: News) => void, options?: { server?: string }): Watch;
  /** Certification of servers' keys. Absent behind a balancer's registration endpoint: that balancer certifies. */
  readonly certification?: Certification;
  /** Limits that gateway servers share. Absent: each server's limits are its own. */
  readonly limits?: LimitStore;
  /** Secrets that balancers share. Absent behind a balancer's registration endpoint: they never leave a balancer. */
  readonly secrets?: SealedSecrets;
  /** Consumers and products as gateway servers read them. */
  readonly callers: Callers;
  /** Changes of consumers and products. Absent behind a balancer's registration endpoint: operators use the admin API. */
  readonly consumers?: Consumers;
  /** Stored responses of gateway servers. Absent behind a balancer's registration endpoint: operators use the admin API. */
  readonly caches?: StoredResponses;
  /** Makes one tiny write, so that `link` shows whether the registry takes writes even while nothing else is written. Never rejects. */
  probe(): Promise<void>;
  /** Tries soon, rather than after the present pause, to reach a registry that cannot be reached: its process may be back. Default: nothing. */
  reconnect?(): void;
  readonly link: Link;
  /** Documents that could not be read, or not entirely, when they were last read. */
  readonly unread: readonly UnreadDocument[];
  close(): Promise<void>;
}

/** Responses that gateway servers have stored. */
export interface StoredResponses {
  /** Makes news of kind `purge`: every gateway server of the environment removes these. Rejects with `not-found` if the environment does not exist. */
  purge(environment: string, purge: CachePurge): Promise<void>;
}

/**
 * Consumers and products as gateway servers read them: a tree of hashes (model/caller-tree.ts). Each change makes news of kind `callers`. With
 * `environment` the tree has only those that can call projects of that environment.
 */
export interface Callers {
  /** Reads the identity of all callers, at a cost that does not depend on their number. */
  id(environment?: string): Promise<CallersId>;
  /** Reads parts of the tree as they are now; those that do not exist are left out. At most 64 at once; of large ones only the first. */
  parts(wanted: readonly string[], environment?: string): Promise<readonly CallerPart[]>;
  /**
   * Offers the last known consumers and products after the registry lost its data: buckets and the products, by name, of the registry with the epoch.
   * Existing ones stay as they are. Resolves to false, without any change, if the registry has not lost the data of that epoch, or has got it back
   * already. Absent behind a balancer's registration endpoint: the balancer has a copy of its own.
   */
  restore?(lost: LostCallers): Promise<boolean>;
}

/** Consumers and products of a registry that has lost them. */
export interface LostCallers {
  readonly epoch: string;
  readonly parts: readonly CallerPart[];
}

/** A key or password as an operator gives it. Without its secret it must exist, and the secret stays. */
export type CredentialChange<Field extends string> = Readonly<{ id: string; expires?: number } & Partial<Record<Field, string>>>;

/** A consumer as an operator gives it. A list that is left out stays as it is. */
export interface ConsumerChange {
  readonly keys?: readonly CredentialChange<'sha256'>[];
  readonly passwords?: readonly CredentialChange<'scrypt'>[];
  /** Names of products that exist. */
  readonly products?: readonly string[];
}

/** Result of {@link Consumers.putConsumers}. */
export interface PutConsumers {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: readonly { readonly name: string; readonly error: SluiceError }[];
}

export type NewKey = Pick<ConsumerKey, 'id' | 'sha256' | 'expires'>;

/** Consumers that are looked for. */
export interface ConsumerQuery {
  /** Text in their names, in any case; the one with exactly this name comes first. */
  readonly search?: string | undefined;
  /** Product that they have subscribed to. */
  readonly product?: string | undefined;
  /** Maximum number; default: all. */
  readonly limit?: number | undefined;
}

/** A change of a consumer or product. Without `before` it was made, without `after` deleted. */
export type CallerChange =
  | { readonly kind: 'consumer'; readonly name: string; readonly before?: Consumer; readonly after?: Consumer }
  | { readonly kind: 'product'; readonly name: string; readonly before?: Product; readonly after?: Product };

/** Changes of consumers, products and subscriptions. Refusals as in {@link Registry}. */
export interface Consumers {
  /** Reads consumers, sorted by name. Costs what has changed since they were read last, and what is found. */
  consumers(query?: ConsumerQuery): Promise<readonly Consumer[]>;
  consumer(name: string): Promise<Consumer | undefined>;
  /**
   * Creates a consumer or changes the lists that are given. Rejects with `conflict` if a key is one of another consumer, with `version-mismatch` if
   * `create` is true and it exists.
   */
  putConsumer(
    name: string,
    change: ConsumerChange,
    options?: Conditional & { create?: boolean },
  ): Promise<{ consumer: Consumer; created: boolean }>;
  /**
   * Creates or changes many consumers in one step, at most about a thousand. Those that are refused, as {@link putConsumer} refuses, are told; all others
   * are made. It costs least if they are sorted by their buckets (model/caller-tree.ts).
   */
  putConsumers(given: readonly (ConsumerChange & { readonly name: string })[]): Promise<PutConsumers>;
  addKey(consumer: string, key: NewKey): Promise<Consumer>;
  /** Revokes a key: gateway servers refuse it within two seconds, unless they cannot reach the registry. */
  removeKey(consumer: string, id: string): Promise<void>;
  deleteConsumer(name: string, options?: Conditional): Promise<void>;
  products(): Promise<readonly Product[]>;
  product(name: string): Promise<Product | undefined>;
  putProduct(
    name: string,
    spec: Omit<Product, 'name'>,
    options?: Conditional & { create?: boolean },
  ): Promise<{ product: Product; created: boolean }>;
  /** Rejects with `in-use` while a consumer has subscribed to it. With `force` the subscriptions end with it. */
  deleteProduct(name: string, options?: Conditional & { force?: boolean }): Promise<void>;
  subscribe(product: string, consumer: string): Promise<{ created: boolean }>;
  unsubscribe(product: string, consumer: string): Promise<void>;
  /** Reads what has changed since the last read by this process, and tells {@link onChange}'s listeners. Restores what the registry has lost meanwhile. */
  catchUp(): Promise<void>;
  /** From now on, calls `listener` with what changed between two reads of this process. */
  onChange(listener: (changes: readonly CallerChange[]) => void): void;
}

/** Issues certificates to servers, if this process has the authority for that. */
export interface Certifier {
  /** Makes a certificate for the record's key, id and environment; undefined: the record has a good one, or no key. */
  certify(record: ServerRecord): HopCertificate | undefined;
}

/** Certification of servers' keys, for TLS between balancers and servers. */
export interface Certification {
  /** From now on, certifies what joins and renews through this process. */
  use(certifier: Certifier): void;
  /** Certifies the key of a server that joined elsewhere, if its certificate is missing or has to be renewed. */
  certify(id: string): Promise<void>;
}

/** A secret as the registry keeps it. */
export interface SealedSecret {
  readonly name: string;
  readonly sealed: string;
  /** Part of the secret that every reader may know, such as a certificate. */
  readonly clear?: string;
  /** Differs after each change. */
  readonly revision: number;
}

/** The registry's secrets, which it keeps sealed and cannot open. Each change makes news of kind `secret`. */
export interface SealedSecrets {
  get(name: string): Promise<SealedSecret | undefined>;
  /** Reads the secrets whose names begin with `prefix`, sorted by name. */
  list(prefix: string): Promise<SealedSecret[]>;
  /** Writes a secret if it still has revision `expect`; 0: if it does not exist, or its document is damaged. Resolves to false if it does not. */
  put(name: string, sealed: string, expect: number, clear?: string): Promise<boolean>;
  /** Removes a secret if it still has revision `expect`. Resolves to false if it does not. */
  remove(name: string, expect: number): Promise<boolean>;
}

/** Result of a deploy, undeploy or rollback: the identity of the environment's snapshot, and the deployment unless it was removed. */
export interface Deployed extends SnapshotId {
  readonly environment: string;
  readonly deployment?: ManifestEntry;
}

/**
 * A program that registers servers with a join token, as a balancer's door sees it: the registry then checks what the program may do. Calls
 * without a caller are trusted: they come from a process with access to the registry itself.
 */
export interface Caller {
  /** Address of the client. */
  readonly address: string;
  /** The only environment that its servers may be in; absent: any. */
  readonly environment?: string;
  /** The program registers by plain HTTP. A registration is renewed only through the door by which it came. */
  readonly plain?: true;
  /** Lease secret of a program that registers by plain HTTP; others send it with their requests. */
  readonly secret?: string;
  /** Most servers that may be registered in one environment; 0: any number. */
  readonly mostServers: number;
  /** True if the balancer sees the server with this id healthy. */
  isHealthy(id: string): boolean;
}

/** Milliseconds for which a server whose lease ended without notice stays in the registry; then its record is removed. */
export const keepLostMs = 3_600_000;

/** Condition of a change: rejects with `version-mismatch` unless the object has one of these tags. */
export interface Conditional {
  expect?: ExpectedTags;
}

/** Result of {@link Registry.applyEnvironment}. */
export interface Applied {
  /** `deleted`: an operator deleted the environment, and the file has not changed. `unread`: the stored settings cannot be read at present. */
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'deleted' | 'unread';
  /** Dotted paths of settings that an operator had changed, and that the file has replaced now. */
  readonly replaced: readonly string[];
  /** Dotted paths of settings for which the file has other values than those that an operator set and that stay. */
  readonly kept: readonly string[];
}

/** State of the connection to the registry: up or down, since this time of the clock (milliseconds). */
export interface Link {
  readonly up: boolean;
  readonly since: number;
  /** Why it is down, if that is known. A telling reason stays until another one replaces it, or the connection is up. */
  readonly reason?: string;
  /** Why the registry answers but refuses writes, and the remedy; absent while it takes them. No lease can be renewed meanwhile. */
  readonly refuses?: string;
}

/** A subscription to news. */
export interface Watch {
  /** Resolves once every later change is reported, or when the watch is closed before that. Never rejects. */
  readonly ready: Promise<void>;
  close(): void;
}
