import type { Logger } from 'pino';
import { type Clock, jittered, type Random } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { SluiceError } from '../model/fault.ts';
import type { JoinAnswer, JoinRequest } from '../model/join.ts';
import type { RegistrySync } from '../model/live.ts';
import type { News } from '../model/news.ts';
import { inTurns } from '../model/pieces.ts';
import type { LeasedServer } from '../model/server.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { idOf, type SnapshotId, sameSnapshot } from '../model/snapshot-id.ts';
import { type SnapshotUpdate, wholeUpdate } from '../model/snapshot-update.ts';
import type { Registry, Watch } from '../registry/contract.ts';
import type { CallerReader } from './caller-reader.ts';
import type { CandidateCompiler } from './candidate-compiler.ts';
import { DataLossRecovery } from './data-loss-recovery.ts';
import { Drain, type GatewayLoad } from './drain.ts';
import type { HopIdentity } from './hop-identity.ts';
import { LeaseLog } from './lease-log.ts';
import type { SavedChange } from './saved-project.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { UpdateReader } from './update-reader.ts';
import { withDeadline } from './with-deadline.ts';

/** Dependencies of a {@link LeaseKeeper}. */
export interface LeaseKeeperOptions {
  readonly registry: Registry;
  readonly self: Omit<JoinRequest, 'source'>;
  readonly applier: SnapshotApplier;
  readonly store: SnapshotStore;
  readonly load: GatewayLoad;
  /** Key and certificate for balancers; absent: the server answers them without TLS. */
  readonly hop?: HopIdentity | undefined;
  /** Reads consumers, before what is deployed is applied: traffic before that would find them unknown. Absent: none are read. */
  readonly callers?: Pick<CallerReader, 'start' | 'upToDate'> | undefined;
  /** Tells of the certificate for clients that are given the server's own address; absent: it has none. */
  readonly ownCertificate?: () => Pick<JoinRequest, 'ownCertificate'>;
  /** Brings copies of this server to what runs here, before that is acknowledged; undefined: nothing runs any more. Absent: there are no copies. */
  readonly handDown?: ((change: SavedChange | undefined) => Promise<void>) | undefined;
  /** Called with true when the server starts draining, with false when it stops. */
  readonly onDraining: (draining: boolean) => void;
  /** Milliseconds that a move to another environment waits at most for requests in flight. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Maximum delay from news to renewal, in milliseconds. The delay is random, so that bursts coalesce and servers do not renew all at once. */
const newsDelayMs = 30;
const firstRetryMs = 200;
/** Short, so that all servers have joined again a few seconds after the registry is reachable. */
const maxRetryMs = 3000;
/** Milliseconds after which a registry that serves other servers first is asked again. It lets the question wait for a turn, too. */
const laterMs = 300;

/**
 * Keeps this server's lease in the registry. Subscribes to news, joins, applies the environment's snapshot and acknowledges it at once;
 * then renews the lease after a third of its ttl, sooner when there is news. While the registry is unreachable it keeps retrying, and
 * the gateway serves the snapshot that it has. Contents are read beside the renewals, so that the lease lasts however long that takes; until then the
 * server is registered without a snapshot that runs, and gets no traffic.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #logger: Logger;
  #watch: Watch | undefined;
  /** Environment of this server as the registry last reported it; before that, the one it was started with. */
  #environment: string | undefined;
  /** Resolves once this server has joined and the environment's snapshot is applied. */
  readonly joined: Promise<void>;
  #resolveJoined: () => void = () => {};
  /** `unknown`: the registry has no entry of this instance, so that it must join again. */
  #state: 'new' | 'joined' | 'unknown' | 'left' = 'new';
  /** Joins and renewals: after news, and after a third of the ttl. */
  readonly #renewals: CoalescedTask;
  /** Reading of what is deployed, as long as something is wanted. */
  readonly #reads: CoalescedTask;
  #failures = 0;
  readonly #log: LeaseLog;
  /** Failures to read since something was received, and the reason that was logged last. */
  #readFailures = 0;
  #loggedReadReason = '';
  #draining = false;
  #leaving = false;
  #drain: Drain | undefined;
  readonly #recovery: DataLossRecovery;
  readonly #updates: UpdateReader;
  /** While copies do not run what runs here: the snapshot that all of them run. */
  #handing: { readonly environment: string | undefined; readonly running: SnapshotId | undefined } | undefined;
  readonly #sync = { at: undefined as number | undefined, failures: 0, reconnects: 0 };

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#log = new LeaseLog(options.logger);
    this.#environment = options.self.environment;
    this.#renewals = new CoalescedTask({ clock: options.clock, run: () => this.#joinOrRenew() });
    this.#reads = new CoalescedTask({ clock: options.clock, run: () => this.#readAndApply() });
    const restore = (snapshot: Snapshot) => this.#withinTtl(options.registry.restore(snapshot));
    this.#recovery = new DataLossRecovery({ ...options, restore });
    this.#updates = new UpdateReader({
      applier: options.applier,
      ask: (wanted) => this.#withinTtl(options.registry.revisions(wanted)),
      saved: options.store,
      clock: options.clock,
    });
    options.hop?.onServed(() => this.#state === 'joined' && this.#renewals.soon());
    this.joined = new Promise((resolve) => {
      this.#resolveJoined = resolve;
    });
  }

  /** Time of the last renewal, with counts of failed renewals and reconnects. */
  get sync(): RegistrySync {
    return this.#sync;
  }

  /** True while this server is leaving, moving, or drained by an operator. */
  get draining(): boolean {
    return this.#draining || this.#leaving;
  }

  /** State in the registry before any snapshot runs here: not accepted yet, in no environment, or reading what the environment runs. */
  get standing(): 'not-joined' | 'available' | 'starting' {
    if (this.#state === 'new') return 'not-joined';
    return this.#environment === undefined ? 'available' : 'starting';
  }

  start(): void {
    this.#renewals.soon();
  }

  /** Announces that this server will leave. Resolves when the registry has recorded that, or could not be reached. */
  async announceLeave(): Promise<void> {
    this.#leaving = true;
    this.#options.onDraining(true);
    await this.#renewals.now();
  }

  /** Ends the lease, the subscription and all timers. */
  async leave(): Promise<void> {
    this.#renewals.stop();
    this.#reads.stop();
    this.#drain?.cancel();
    const { registry, self, clock } = this.#options;
    const joined = this.#state === 'joined';
    this.#state = 'left';
    this.#watch?.close();
    try {
      if (joined) await withDeadline(registry.leave(self.id, self.instance), 1000, clock);
    } catch (error) {
      this.#logger.warn({ reason: messageOf(error) }, 'leaving could not be reported to the registry: the lease will expire');
    }
  }

  async #joinOrRenew(): Promise<void> {
    const { random, self } = this.#options;
    try {
      await this.#send();
      this.#failures = 0;
      this.#renewals.soon(jittered(self.ttl / 3, random));
    } catch (error) {
      this.#sync.failures++;
      this.#logFailure(messageOf(error));
      this.#renewals.postpone(this.#retryDelay(this.#failures++));
    }
  }

  async #send(): Promise<void> {
    if (this.#state !== 'joined' && this.#leaving) return;
    const before = this.#environment;
    const reported = this.#state === 'joined' ? this.#running : undefined;
    const sentAt = this.#options.clock.now();
    const { server, update, snapshot, later } = await (this.#state === 'joined' ? this.#renew() : this.#join());
    if (this.#isLeft()) return;
    this.#sync.at = sentAt;
    this.#note(server);
    if (update) this.#updates.want(update);
    else if (snapshot) this.#updates.drop();
    if (update) this.#reads.soon();
    // The acknowledgement follows when everything was read.
    if (this.#updates.wanted !== undefined) return;
    if (snapshot) await this.#apply(wholeUpdate(snapshot));
    else if (!later) this.#settle(server);
    // Acknowledge a new snapshot at once. The environment counts too, since two environments may have snapshots with the same id.
    if (this.#environment !== before || !sameSnapshot(reported, this.#running)) this.#renewals.soon();
    if (later) this.#renewals.soon(jittered(laterMs, this.#options.random, 0.5));
  }

  /** Reads what is wanted, beside the renewals. A failure keeps what was received, and hurries a renewal: perhaps something else is deployed by now. */
  async #readAndApply(): Promise<void> {
    const { random } = this.#options;
    const before = this.#updates.received;
    try {
      const update = await this.#updates.read();
      if (update === 'later') this.#reads.soon(jittered(laterMs, random, 0.5));
      else if (update !== undefined) {
        const compiler = await inTurns(this.#options.applier.prepare(update));
        await this.#options.callers?.upToDate();
        // Another snapshot, or none, may be wanted by now.
        if (this.#isLeft() || update.environment !== this.#environment || !sameSnapshot(this.#updates.wanted, update)) return;
        const ran = this.#running;
        // Before anything is sent: what was read is not held if it turns out to be a loss of data.
        this.#updates.drop();
        await this.#apply(update, compiler);
        if (!sameSnapshot(ran, this.#running)) this.#renewals.soon();
        this.#loggedReadReason = '';
      }
      this.#readFailures = 0;
    } catch (error) {
      if (this.#isLeft()) return;
      this.#sync.failures++;
      const reason = messageOf(error);
      if (reason !== this.#loggedReadReason)
        this.#logger.warn({ reason, environment: this.#environment }, 'what is deployed could not be read; retrying');
      this.#loggedReadReason = reason;
      if (this.#updates.received > before) this.#readFailures = 0;
      const delayMs = this.#retryDelay(this.#readFailures++);
      if (this.#updates.wanted === undefined) this.#renewals.soon(delayMs);
      else this.#reads.postpone(delayMs);
      if (error instanceof SluiceError && error.code === 'not-found') this.#renewals.soon(newsDelayMs * random());
    }
  }

  #retryDelay(failures: number): number {
    return jittered(Math.min(maxRetryMs, firstRetryMs * 2 ** failures), this.#options.random, 0.5);
  }

  /** The snapshot that serves requests of the environment that the server is in. After a move, that of the old environment does not count. */
  get #running(): SnapshotId | undefined {
    const { running, environment } = this.#options.applier;
    return environment === this.#environment ? running : undefined;
  }

  /** The snapshot that serves requests here and in every copy. */
  get #confirmed(): SnapshotId | undefined {
    const handing = this.#handing;
    return handing !== undefined && handing.environment === this.#environment ? handing.running : this.#running;
  }

  /** The snapshot that the registry need not send: the one that is being read, else the one that runs. */
  get #held(): (SnapshotId & { readonly environment: string }) | undefined {
    const { applier } = this.#options;
    const { wanted } = this.#updates;
    if (wanted !== undefined) return wanted;
    return applier.running && applier.environment !== undefined ? { ...applier.running, environment: applier.environment } : undefined;
  }

  get #certificates(): Pick<JoinRequest, 'hop' | 'ownCertificate'> {
    const { hop, ownCertificate } = this.#options;
    return { ...(hop && { hop: hop.request }), ...ownCertificate?.() };
  }

  async #join(): Promise<JoinAnswer> {
    const { registry, self } = this.#options;
    if (this.#watch === undefined) {
      const watch = registry.watch((news) => this.#hear(news), { server: self.id });
      this.#watch = watch;
      watch.ready.catch(() => {
        watch.close();
        if (this.#watch === watch) this.#watch = undefined;
      });
    }
    const { reason } = registry.link;
    // The subscription is ready only when the registry can be reached: the reason is worth a line before that.
    if (reason !== undefined) this.#logFailure(reason);
    await this.#withinTtl(this.#watch.ready);
    const { environment: _, ...rest } = self;
    const holds = this.#held === undefined ? {} : { holds: this.#held };
    const joined = this.#environment === undefined ? {} : { environment: this.#environment };
    // Giving way to another process with this id, even one with the same data, keeps two from replacing each other endlessly.
    const yields = this.#state === 'unknown' ? { yields: true as const } : {};
    return this.#withinTtl(
      registry.join({ ...rest, ...joined, ...holds, ...yields, ...this.#certificates, source: 'join', updates: true }),
    );
  }

  async #renew(): Promise<JoinAnswer> {
    const { registry, self, applier } = this.#options;
    const running = this.#confirmed;
    const held = this.#held;
    const drained = this.#drain?.finished === true;
    try {
      const report = {
        id: self.id,
        instance: self.instance,
        projects: applier.environment === this.#environment ? applier.states : [],
        updates: true as const,
        ...(running && { running }),
        // Left out when the server moves: without it the registry sends the new environment's snapshot, even if its id is the same.
        ...(held && !drained && held.environment === this.#environment && { holds: idOf(held) }),
        ...(this.#leaving && { leaving: true }),
        ...(drained && { drained }),
        ...this.#certificates,
        ...(self.secret !== undefined && { secret: self.secret }),
      };
      return await this.#withinTtl(registry.renew(report));
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'not-found' && !this.#isLeft()) this.#state = 'unknown';
      throw error;
    }
  }

  /** Notes what the registry says about this server. */
  #note(server: LeasedServer): void {
    const { applier, store, handDown } = this.#options;
    this.#log.answered(server, this.#standing);
    this.#state = 'joined';
    this.#environment = server.environment;
    if (server.environment !== undefined) this.#options.callers?.start();
    this.#options.hop?.accept(server);
    if (this.#updates.wanted?.environment !== server.environment) this.#updates.drop();
    if (server.environment === undefined) {
      if (applier.table !== undefined) {
        applier.clear();
        void handDown?.(undefined);
      }
      void store.clear();
    }
    this.#followMove(server);
  }

  /** The registry has nothing for this server that does not run here. */
  #settle({ environment }: LeasedServer): void {
    const { applier } = this.#options;
    if (environment !== undefined && applier.running !== undefined) this.#recovery.record({ ...applier.running, environment });
    this.#resolveJoined();
  }

  async #apply(update: SnapshotUpdate, compiler?: CandidateCompiler): Promise<void> {
    const { applier, store, handDown } = this.#options;
    if (!this.#recovery.isLoss(update)) {
      this.#recovery.record(update);
      if (handDown !== undefined) this.#handing = { environment: this.#environment, running: this.#running };
      const change = await inTurns(applier.applying(update, compiler));
      if (change !== undefined) {
        void store.save(change);
        await handDown?.(change);
      }
      this.#handing = undefined;
      this.#resolveJoined();
      return;
    }
    this.#resolveJoined();
    if (await this.#recovery.recover(update)) this.#renewals.soon();
  }

  /** Starts draining while the registry moves this server to another environment, and stops when the move is finished or cancelled. */
  #followMove(server: LeasedServer): void {
    const { load, clock, graceMs, onDraining } = this.#options;
    const moving = server.movingTo !== undefined;
    if (moving && this.#drain === undefined) {
      const drain = new Drain(load, clock, graceMs);
      this.#drain = drain;
      void drain.done.then(() => this.#renewals.soon());
    } else if (!moving) {
      this.#drain?.cancel();
      this.#drain = undefined;
    }
    this.#draining = moving || server.draining;
    onDraining(this.draining);
  }

  #hear(news: News): void {
    const { self, applier, random } = this.#options;
    const ours = news.kind !== 'resync' && news.name === (news.kind === 'server' ? self.id : this.#environment);
    if (news.kind === 'resync') {
      this.#sync.reconnects++;
      // The registry is reachable again, so that earlier failures must not delay the next attempt.
      this.#failures = 0;
    }
    const known = news.kind === 'snapshot' && news.version === (this.#updates.wanted ?? applier.running)?.version;
    if (news.kind === 'resync' || (ours && news.kind !== 'project' && news.kind !== 'purge' && !known))
      this.#renewals.soon(newsDelayMs * random());
  }

  #logFailure(reason: string): void {
    this.#log.failed(reason, this.#standing, this.#options.applier.table !== undefined);
  }

  get #standing(): { joined: boolean; environment: string | undefined } {
    return { joined: this.#state === 'joined', environment: this.#environment };
  }

  /** Limits a call to the registry to the length of the lease; a later answer is ignored. While the registry is down, the error says why. */
  #withinTtl<Value>(work: Promise<Value>): Promise<Value> {
    const { self, clock, registry } = this.#options;
    return withDeadline(work, self.ttl, clock, () => registry.link.reason);
  }

  #isLeft(): boolean {
    return this.#state === 'left';
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
