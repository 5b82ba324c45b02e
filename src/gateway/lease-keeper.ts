import type { Logger } from 'pino';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import { SluiceError } from '../model/fault.ts';
import type { RegistrySync } from '../model/live.ts';
import type { LeasedServer } from '../model/server.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { sameSnapshot } from '../model/snapshot-id.ts';
import type { JoinAnswer as Answer, JoinRequest, News, Registry, Watch } from '../registry/contract.ts';
import { deadline } from './deadline.ts';
import { Drainage, type WorkInFlight } from './drainage.ts';
import { Recovery } from './recovery.ts';
import type { SnapshotApplier } from './snapshot-applier.ts';
import type { SnapshotFile } from './snapshot-file.ts';

/** What membership works on. */
export interface LeaseKeeperOptions {
  readonly registry: Registry;
  readonly self: Omit<JoinRequest, 'source'>;
  readonly deployments: SnapshotApplier;
  readonly file: SnapshotFile;
  readonly traffic: WorkInFlight;
  /** Told whenever the server begins or ends to draw its work to a close. */
  readonly onDraining: (draining: boolean) => void;
  /** Longest time in milliseconds that a move waits for requests in flight. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** News of one cause comes in bursts: this long at most is waited for the rest of it. */
const gatherMs = 30;
const firstRetryMs = 200;
/** Kept short, so that everything has come together a few seconds after the registry is back. */
const longestRetryMs = 3000;

/**
 * This server's place in the registry. It subscribes, joins, applies what it is given and acknowledges that at once; then
 * renews its lease by a third of the ttl, sooner when there is news. While the registry cannot be reached it tries again
 * for ever and lets the gateway serve what it has.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #logger: Logger;
  #watch: Watch | undefined;
  /** Where the registry last said that this server is; before that, where it was told to go. */
  #environment: string | undefined;
  /** Settles when the registry has first taken this server in, and what is deployed there is applied. */
  readonly joined: Promise<void>;
  #tellJoined: () => void = () => {};
  #state: 'new' | 'joined' | 'unknown' | 'left' = 'new';
  #talking: Promise<void> | undefined;
  #again = false;
  #timer: Timer | undefined;
  #failures = 0;
  #complaint = '';
  #draining = false;
  #leaving = false;
  #drainage: Drainage | undefined;
  readonly #recovery: Recovery;
  readonly #sync = { at: undefined as number | undefined, failures: 0, reconnects: 0 };

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#environment = options.self.environment;
    const restore = (snapshot: Snapshot) => this.#inTime(options.registry.restore(snapshot));
    this.#recovery = new Recovery({ ...options, restore });
    this.joined = new Promise((resolve) => {
      this.#tellJoined = resolve;
    });
  }

  /** How up to date this server is: when its lease was last renewed. */
  get sync(): RegistrySync {
    return this.#sync;
  }

  /** Whether this server is leaving, moving, or told by an operator to take nothing new. */
  get draining(): boolean {
    return this.#draining || this.#leaving;
  }

  start(): void {
    void this.#talk();
  }

  /** Reports that this server is about to go. Settles when the registry knows, or could not be told. */
  async announceLeave(): Promise<void> {
    this.#leaving = true;
    this.#options.onDraining(true);
    await this.#talking;
    await this.#talk();
  }

  /** Ends the lease and all work. */
  async leave(): Promise<void> {
    this.#timer?.cancel();
    this.#drainage?.cancel();
    const { registry, self, clock } = this.#options;
    const joined = this.#state === 'joined';
    this.#state = 'left';
    this.#watch?.close();
    try {
      if (joined) await deadline(registry.leave(self.id, self.instance), 1000, clock);
    } catch (error) {
      this.#logger.warn(
        { reason: messageOf(error) },
        'the registry could not be told that this server has left; its lease will end by itself',
      );
    }
  }

  /** Speaks with the registry until there is nothing new to say; one conversation at a time. Never fails. */
  #talk(): Promise<void> {
    this.#timer?.cancel();
    this.#talking ??= this.#converse().then((delayMs) => {
      this.#talking = undefined;
      if (this.#state !== 'left') this.#timer = this.#options.clock.after(this.#again ? 0 : delayMs, () => void this.#talk());
    });
    return this.#talking;
  }

  /** Milliseconds until the next conversation. */
  async #converse(): Promise<number> {
    const { random, self } = this.#options;
    try {
      do {
        this.#again = false;
        await this.#exchange();
      } while (this.#again && this.#state !== 'left');
      this.#failures = 0;
      return jittered(self.ttl / 3, random);
    } catch (error) {
      this.#again = false;
      this.#sync.failures++;
      this.#complain(error);
      return jittered(Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures++), random, 0.5);
    }
  }

  async #exchange(): Promise<void> {
    const { deployments } = this.#options;
    if (this.#state !== 'joined' && this.#leaving) return;
    const before = this.#environment;
    const reported = this.#state === 'joined' ? deployments.running : undefined;
    const asked = this.#options.clock.now();
    const answer = await (this.#state === 'joined' ? this.#renew() : this.#join());
    if (this.#isLeft()) return;
    this.#sync.at = asked;
    this.#take(answer);
    const { snapshot } = answer;
    if (snapshot !== undefined && this.#recovery.isLoss(snapshot) && (await this.#recovery.attend(snapshot))) this.#again = true;
    // What is running now is acknowledged at once; two environments may have snapshots of the same id.
    if (this.#environment !== before || !sameSnapshot(reported, deployments.running)) this.#again = true;
  }

  async #join(): Promise<Answer> {
    const { registry, self } = this.#options;
    if (this.#watch === undefined) {
      const watch = registry.watch((news) => this.#hear(news), { server: self.id });
      this.#watch = watch;
      watch.ready.catch(() => {
        watch.close();
        if (this.#watch === watch) this.#watch = undefined;
      });
    }
    await this.#inTime(this.#watch.ready);
    if (this.#state === 'unknown') await this.#yieldToSuccessor();
    const { environment: _, ...rest } = self;
    return this.#inTime(
      registry.join({ ...rest, source: 'join', ...(this.#environment === undefined ? {} : { environment: this.#environment }) }),
    );
  }

  /** Two processes that took the same id from each other for ever would serve nobody: the one that started first gives way. */
  async #yieldToSuccessor(): Promise<void> {
    const { registry, self } = this.#options;
    // Where it may not look, it joins all the same.
    const holder = await this.#inTime(registry.server(self.id)).catch(() => undefined);
    if (holder === undefined || holder.instance === self.instance || holder.leaseRemaining <= 0) return;
    throw new SluiceError('conflict', `another gateway runs as "${self.id}" (at ${holder.address}); give each its own --id`);
  }

  async #renew(): Promise<Answer> {
    const { registry, self, deployments } = this.#options;
    const { running, environment } = deployments;
    const drained = this.#drainage?.finished === true;
    try {
      const report = {
        id: self.id,
        instance: self.instance,
        projects: deployments.states,
        ...(running && { running }),
        // Where it is to be told what another environment has, it must not seem to hold that already.
        ...(running && !drained && environment === this.#environment && { holds: running }),
        ...(this.#leaving && { leaving: true }),
        ...(drained && { drained }),
      };
      return await this.#inTime(registry.renew(report));
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'not-found' && !this.#isLeft()) this.#state = 'unknown';
      throw error;
    }
  }

  #take({ server, snapshot }: Answer): void {
    const { deployments, file } = this.#options;
    this.#report(server);
    this.#state = 'joined';
    this.#environment = server.environment;
    if (server.environment === undefined) {
      if (deployments.table !== undefined) deployments.clear();
      void file.save(undefined);
    } else if (snapshot !== undefined && !this.#recovery.isLoss(snapshot)) {
      this.#recovery.follow(snapshot);
      deployments.apply(snapshot);
      void file.save(snapshot);
    }
    this.#follow(server);
    this.#tellJoined();
  }

  /** Draws work to a close as long as the registry wants that. */
  #follow(server: LeasedServer): void {
    const { traffic, clock, graceMs, onDraining } = this.#options;
    const moving = server.movingTo !== undefined;
    if (moving && this.#drainage === undefined) {
      const drainage = new Drainage(traffic, clock, graceMs);
      this.#drainage = drainage;
      void drainage.done.then(() => this.#hurry(0));
    } else if (!moving) {
      this.#drainage?.cancel();
      this.#drainage = undefined;
    }
    this.#draining = moving || server.draining;
    onDraining(this.draining);
  }

  #hear(news: News): void {
    const { self, deployments, random } = this.#options;
    const ours = news.kind !== 'resync' && news.name === (news.kind === 'server' ? self.id : this.#environment);
    if (news.kind === 'resync') {
      this.#sync.reconnects++;
      // The registry is back: what failed before says nothing of how soon it will answer now.
      this.#failures = 0;
    }
    const known = news.kind === 'snapshot' && news.version === deployments.running?.version;
    if (news.kind === 'resync' || (ours && news.kind !== 'project' && !known)) this.#hurry(gatherMs * random());
  }

  /** Speaks with the registry soon. */
  #hurry(delayMs: number): void {
    this.#again = true;
    if (this.#talking !== undefined || this.#state === 'left') return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => void this.#talk());
  }

  #report(server: LeasedServer): void {
    const { id, address } = server;
    if (this.#state !== 'joined') {
      this.#logger.info(
        { id, address, environment: server.environment },
        server.environment === undefined ? 'registered as available: waits to be added to an environment' : 'joined',
      );
    } else if (server.environment !== this.#environment) {
      this.#logger.info(
        { id, from: this.#environment, to: server.environment },
        server.environment === undefined ? 'now available, in no environment' : 'now in another environment',
      );
    } else if (this.#complaint !== '') {
      this.#logger.info({ id }, 'the registry answers again');
    }
    this.#complaint = '';
  }

  /** The same trouble is told once. */
  #complain(error: unknown): void {
    const reason = messageOf(error);
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const serving = this.#options.deployments.table !== undefined;
    this.#logger.warn(
      { reason, environment: this.#environment, serving },
      this.#state === 'joined' ? 'the lease could not be renewed; trying again' : 'could not join; trying again',
    );
  }

  /** A registry that does not answer is as good as none; what it says too late is not acted upon. */
  #inTime<Value>(work: Promise<Value>): Promise<Value> {
    return deadline(work, this.#options.self.ttl, this.#options.clock);
  }

  #isLeft(): boolean {
    return this.#state === 'left';
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
