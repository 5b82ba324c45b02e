import type { Logger } from 'pino';
import { type Clock, jittered, type Random } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import type { Environment } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';
import type { RegistrySync } from '../model/live.ts';
import type { News } from '../model/news.ts';
import { eachInTurns } from '../model/pieces.ts';
import type { LeasedServer } from '../model/server.ts';
import { keepLostMs, type Registry, type Watch } from '../registry/contract.ts';
import { type MemberRecord, Members } from './members.ts';
import { PendingReads } from './pending-reads.ts';

/** Milliseconds in which a burst of news is coalesced into one read. */
const coalesceMs = 5;
/** Milliseconds between two reads of everything, which make up for lost news. */
const refreshMs = 5_000;
/** Names in one burst of news up to which they are read by themselves, whatever else there is; and the share of all servers up to which they are. */
const fewNames = { most: 20, share: 1 / 8 };
/** Minimum time until the next read of everything, however soon a lease ends, in milliseconds. */
const soonestRefreshMs = 100;
/** Milliseconds of back-off after a failed read: first and most, doubling in between. */
const retryMs = { first: 200, most: 2_000 };
/** Milliseconds after a reconnect in which an environment that is missing in the registry is kept. */
const environmentGraceMs = 10_000;

/** Dependencies of a {@link RegistryView}. */
export interface RegistryViewTools {
  readonly registry: Pick<Registry, 'environments' | 'environment' | 'putEnvironment' | 'servers' | 'server' | 'watch' | 'probe' | 'link'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Names of the environments whose settings or servers may have changed; `all`: any. */
export type Changes = ReadonlySet<string> | 'all';

/**
 * The registry's environments and servers as last read. News is only a hint about what to read again. While the registry is unreachable or
 * refuses writes, and after that until every living server has had time to renew its lease, no server or environment is removed.
 */
export class RegistryView {
  readonly #tools: RegistryViewTools;
  readonly #changed: (changes: Changes) => Promise<void> | undefined;
  readonly #answers: (member: MemberRecord) => boolean;
  readonly #pending = new PendingReads();
  #environments = new Map<string, Environment>();
  /** Settings of environments as they were last understood entirely. */
  readonly #understood = new Map<string, Environment>();
  #members = new Members();
  #watch: Watch | undefined;
  readonly #reads: CoalescedTask;
  #failures = 0;
  #known = false;
  #stopped = false;
  readonly #sync = { at: undefined as number | undefined, failures: 0, reconnects: 0 };
  /** Time of the next read of everything, with or without news. */
  #refreshAt = 0;
  /** Time of the next probe for refused writes. */
  #probeAt = 0;
  #resolveStart: () => void = () => {};

  /**
   * @param changed called after each read; resolves when it has gone through all servers
   * @param answers says whether a server still answers. One that does is kept although its record has vanished without news of that, as
   *   when Redis evicted it: a server that leaves says so, and stops answering.
   */
  constructor(
    tools: RegistryViewTools,
    changed: (changes: Changes) => Promise<void> | undefined,
    answers: (member: MemberRecord) => boolean = () => false,
  ) {
    this.#tools = tools;
    this.#changed = changed;
    this.#answers = answers;
    // Rests as long as the last read took, so that a storm of news takes at most half of the registry's and this process's time.
    this.#reads = new CoalescedTask({ clock: tools.clock, run: () => this.#catchUp(), rest: (tookMs) => tookMs });
  }

  get environments(): ReadonlyMap<string, Environment> {
    return this.#environments;
  }

  get members(): ReadonlyMap<string, MemberRecord> {
    return this.#members.byId;
  }

  /** The registered servers of an environment. */
  membersOf(environment: string): Iterable<MemberRecord> {
    return this.#members.of(environment);
  }

  /** True if some registered server has lost its lease. */
  get someLost(): boolean {
    return this.#members.someLost;
  }

  /** Time of the last complete read, with counts of failed reads and reconnects. */
  get sync(): RegistrySync {
    return this.#sync;
  }

  /** True once the registry has been read. */
  get known(): boolean {
    return this.#known;
  }

  /**
   * True if a server may run another instance than the registered one: the registry is away, or the server's lease has ended, so that it
   * may have restarted and cannot register.
   */
  mayHaveRestarted(id: string): boolean {
    if (!this.#tools.registry.link.up) return true;
    const member = this.members.get(id);
    return member?.leaseEndedAt !== undefined;
  }

  /** Resolves after the first complete read, however long the registry takes to answer. */
  async start(): Promise<void> {
    this.#watch = this.#tools.registry.watch((news) => this.#hear(news));
    // A failed subscription is retried by the registry, which then sends `resync`; the first read must not wait for that.
    await this.#watch.ready.catch((error: unknown) =>
      this.#tools.logger.warn({ err: error }, 'not yet subscribed to the registry; retrying'),
    );
    await new Promise<void>((resolve) => {
      this.#resolveStart = resolve;
      this.#pending.all = true;
      if (this.#stopped) resolve();
      else this.#reads.soon();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#reads.stop();
    this.#watch?.close();
    this.#resolveStart();
  }

  #hear(news: News): void {
    if (news.kind === 'resync') {
      this.#pending.all = true;
      this.#sync.reconnects++;
    } else if (news.kind === 'environment') this.#pending.environments.add(news.name);
    else if (news.kind === 'server') this.#pending.servers.add(news.name);
    else return;
    // While reads fail, the back-off decides when to retry, except that `resync` means that the registry is reachable again.
    if (this.#failures === 0 || news.kind === 'resync') this.#reads.soon(coalesceMs);
  }

  async #catchUp(): Promise<void> {
    const { clock, random, logger } = this.#tools;
    if (clock.now() >= this.#refreshAt) this.#pending.all = true;
    const wanted = this.#pending.take();
    try {
      if (wanted.all || wanted.size > Math.max(fewNames.most, this.members.size * fewNames.share)) await this.#readAll(wanted);
      else await this.#readNamed(wanted);
      if (this.#failures > 0) logger.info('registry can be read again');
      this.#failures = 0;
      this.#reads.soon(this.#pending.isEmpty ? Math.max(coalesceMs, this.#refreshAt - clock.now()) : coalesceMs);
    } catch (error) {
      this.#pending.add(wanted);
      this.#sync.failures++;
      if (this.#failures === 0) logger.warn({ err: error }, 'registry cannot be read: the last known servers and environments stay in use');
      const wait = Math.min(retryMs.most, retryMs.first * 2 ** this.#failures++);
      this.#reads.postpone(jittered(wait, random, 0.3));
    }
  }

  async #readAll(wanted: PendingReads): Promise<void> {
    const { registry, clock } = this.#tools;
    const beganAt = clock.now();
    const [environments, servers] = await Promise.all([registry.environments(), registry.servers(), this.#probe(beganAt)]);
    if (this.#stopped) return;
    if (environments.length === 0 && this.#environments.size > 0 && !wanted.environments.size)
      environments.push(...(await this.#restoreEnvironments()));
    const nextEnvironments = new Map(environments.map((environment) => [environment.name, this.#lastUnderstood(environment)]));
    for (const [name, environment] of this.#environments) {
      if (!nextEnvironments.has(name) && !wanted.environments.has(name) && !this.#isTrusted(environmentGraceMs))
        nextEnvironments.set(name, environment);
    }
    const nextMembers = new Members();
    let nextEnd = Number.POSITIVE_INFINITY;
    await eachInTurns(servers, (record) => {
      const member = this.#memberOf(record);
      nextEnd = Math.min(nextEnd, endOf(member));
      nextMembers.set(member);
    });
    if (this.#stopped) return;
    for (const [id, member] of this.members) {
      if (nextMembers.byId.has(id) || wanted.servers.has(id)) continue;
      if (!this.#isTrusted(member.record.ttl)) {
        nextEnd = Math.min(nextEnd, endOf(member));
        nextMembers.set(member);
      } else if (member.record.source === 'join' && this.#answers(member)) nextMembers.set(this.#withoutRecord(member));
    }
    this.#environments = nextEnvironments;
    for (const name of this.#understood.keys()) if (!nextEnvironments.has(name)) this.#understood.delete(name);
    this.#members = nextMembers;
    this.#known = true;
    this.#sync.at = beganAt;
    this.#refreshAt = Number.POSITIVE_INFINITY;
    this.#refreshBy(Math.min(nextEnd, clock.now() + jittered(refreshMs, this.#tools.random)));
    await this.#changed('all');
    this.#resolveStart();
  }

  /** Probes once in each refresh period whether the registry takes writes: a balancer itself hardly ever writes. */
  async #probe(now: number): Promise<void> {
    if (now < this.#probeAt) return;
    this.#probeAt = now + jittered(refreshMs, this.#tools.random, 0.3);
    await this.#tools.registry.probe();
  }

  /** Restores the served environments in a registry that has none at all, so that their servers can join again. */
  async #restoreEnvironments(): Promise<Environment[]> {
    const { registry, logger } = this.#tools;
    const served = [...this.#environments.values()];
    logger.error(
      { environments: served.map(({ name }) => name) },
      'the registry has lost every environment: the environments that are served are written back',
    );
    const restore = async (environment: Environment) => {
      try {
        return await registry.putEnvironment(environment.name, environment.input);
      } catch (error) {
        if (!(error instanceof SluiceError) || error.code !== 'invalid') throw error;
        logger.error({ environment: environment.name, err: error }, 'the environment cannot be written back, but is still served');
        return environment;
      }
    };
    return Promise.all(served.map(restore));
  }

  /** Replaces settings that are not understood entirely by the last ones that were: half of a change may be worse than none. */
  #lastUnderstood(environment: Environment): Environment {
    const { name, unread } = environment;
    if (unread === undefined) this.#understood.set(name, environment);
    const last = this.#understood.get(name);
    return unread === undefined || last === undefined ? environment : { ...last, unread };
  }

  async #readNamed(wanted: PendingReads): Promise<void> {
    const { registry } = this.#tools;
    const names = [...wanted.environments];
    const ids = [...wanted.servers];
    const [environments, records] = await Promise.all([
      Promise.all(names.map((name) => unlessUnreadable(registry.environment(name), () => this.#environments.get(name)))),
      Promise.all(ids.map((id) => unlessUnreadable(registry.server(id), () => this.members.get(id)?.record))),
    ]);
    if (this.#stopped) return;
    names.forEach((name, index) => {
      const environment = environments[index];
      if (environment) this.#environments.set(name, this.#lastUnderstood(environment));
      else if (this.#environments.delete(name)) this.#understood.delete(name);
    });
    const changed = new Set(names);
    ids.forEach((id, index) => {
      const record = records[index];
      changed.add(this.members.get(id)?.record.environment ?? '');
      if (record) {
        const member = this.#memberOf(record);
        this.#members.set(member);
        this.#refreshBy(endOf(member));
        changed.add(record.environment ?? '');
      } else this.#remove(id);
    });
    // Any server may have taken the address of one that is lost.
    await this.#changed(this.someLost ? 'all' : changed);
  }

  /** Plans the next read of everything for a time, at the latest. */
  #refreshBy(at: number): void {
    this.#refreshAt = Math.min(this.#refreshAt, Math.max(at, this.#tools.clock.now() + soonestRefreshMs));
  }

  /** Measures each lease by this process's clock as well, so that a jump of the registry's clock does not end leases early. */
  #memberOf(record: LeasedServer): MemberRecord {
    const now = this.#tools.clock.now();
    const before = this.members.get(record.id);
    const isSame = before?.record.instance === record.instance && before.record.ttl === record.ttl;
    const seen = isSame ? before.leaseEndsAt : now;
    const leaseEndsAt = Math.max(seen, now + Math.min(record.leaseRemaining, record.ttl));
    const isTrusted = this.#isTrusted(record.ttl);
    const ended = record.leaseRemaining < 0 && leaseEndsAt <= now;
    const endedAt = (isSame ? before.leaseEndedAt : undefined) ?? Math.round(this.#tools.clock.date() + record.leaseRemaining);
    return {
      ...stillRunning(record, before, now),
      leaseEndsAt,
      ...(ended && { leaseEndedAt: endedAt }),
      lost: ended && isTrusted,
    };
  }

  /** Removes a server that news named, except one that still answers and whose record was removed only because its lease ended so long ago. */
  #remove(id: string): void {
    const member = this.members.get(id);
    const isOld = this.#tools.clock.date() - (member?.leaseEndedAt ?? Number.POSITIVE_INFINITY) >= keepLostMs;
    if (member === undefined || !isOld || !this.#answers(member)) this.#members.delete(id);
  }

  /** A server whose record has vanished: it can hold no lease without a record. */
  #withoutRecord(member: MemberRecord): MemberRecord {
    return { ...member, leaseEndedAt: member.leaseEndedAt ?? this.#tools.clock.date(), lost: true };
  }

  /** True if the registry has been reachable and taken writes for `graceMs`, so that an entry that is missing in it counts as removed. */
  #isTrusted(graceMs: number): boolean {
    const { link } = this.#tools.registry;
    return link.up && link.refuses === undefined && this.#tools.clock.now() - link.since >= graceMs;
  }
}

/** Time at which a server's lease ends: the registry publishes no news of that. Infinite: it has ended. */
function endOf({ leaseEndsAt, lost }: MemberRecord): number {
  return lost ? Number.POSITIVE_INFINITY : leaseEndsAt + 1;
}

/** Waits for a document; if it is damaged, which the registry reports, returns the `last` one. */
async function unlessUnreadable<T>(reading: Promise<T>, last: () => T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'internal') return last();
    throw error;
  }
}

/**
 * Adds `running` as last known to a record without it, for the length of a lease: a server that joins a registry that has lost its record
 * still runs its snapshot, but has not reported it yet.
 */
function stillRunning(record: LeasedServer, before: MemberRecord | undefined, now: number): Pick<MemberRecord, 'record' | 'assumedUntil'> {
  const { running, instance, environment } = before?.record ?? {};
  const isSame = record.instance === instance && record.environment === environment;
  if (record.running !== undefined || running === undefined || !isSame) return { record };
  const assumedUntil = before?.assumedUntil ?? now + record.ttl;
  return now < assumedUntil ? { record: { ...record, running }, assumedUntil } : { record };
}
