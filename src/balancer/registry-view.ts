import type { Logger } from 'pino';
import { type Clock, jittered, type Random, type Timer } from '../model/clock.ts';
import type { Environment } from '../model/environment.ts';
import type { RegistrySync } from '../model/live.ts';
import type { LeasedServer } from '../model/server.ts';
import type { News, Registry, Watch } from '../registry/contract.ts';
import { Stale } from './stale.ts';

/** Milliseconds in which a burst of news becomes one read. */
const coalesceMs = 5;
/** Milliseconds between two reads of everything, in case that news was lost. */
const refreshMs = 5_000;
/** A lease that ends before that is a reason to read sooner, but not sooner than this, in milliseconds. */
const soonestRefreshMs = 100;
/** Milliseconds until a failed read is tried again: the first time, and at most. */
const retryMs = { first: 200, most: 2_000 };
/** Milliseconds for which a registry that has just come back is not believed when it says that an environment is gone. */
const environmentGraceMs = 10_000;

/** What a membership works with. */
export interface RegistryViewTools {
  readonly registry: Pick<Registry, 'environments' | 'environment' | 'putEnvironment' | 'servers' | 'server' | 'watch' | 'link'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A registered server, and whether its lease really is over. */
export interface MemberRecord {
  readonly record: LeasedServer;
  /** By this process's own clock, when the longest lease that it was seen to have ends. */
  readonly until: number;
  readonly lost: boolean;
}

/**
 * The registry's environments and servers as last read. News is a hint: it says what to read again. While the registry
 * cannot be reached, and until every living server had time to show itself after that, nobody is taken for gone.
 */
export class RegistryView {
  readonly #tools: RegistryViewTools;
  readonly #changed: () => void;
  readonly #stale = new Stale();
  #environments = new Map<string, Environment>();
  #members = new Map<string, MemberRecord>();
  #watch: Watch | undefined;
  #timer: Timer | undefined;
  #reading = false;
  #failures = 0;
  #read = false;
  #stopped = false;
  readonly #sync = { at: undefined as number | undefined, failures: 0, reconnects: 0 };
  /** When everything is to be read again, news or not. */
  #refreshAt = 0;
  #dueAt = Number.POSITIVE_INFINITY;
  /** The next read waits as long, so that a storm of news keeps nobody busy more than half of the time. */
  #lastReadMs = 0;
  #settleStart: () => void = () => {};

  constructor(tools: RegistryViewTools, changed: () => void) {
    this.#tools = tools;
    this.#changed = changed;
  }

  get environments(): ReadonlyMap<string, Environment> {
    return this.#environments;
  }

  get members(): ReadonlyMap<string, MemberRecord> {
    return this.#members;
  }

  /** How up to date this is: when everything was last read. */
  get sync(): RegistrySync {
    return this.#sync;
  }

  /** Whether the registry was read at least once. */
  get known(): boolean {
    return this.#read;
  }

  /** Settles after the first complete read, however long the registry takes to answer. */
  async start(): Promise<void> {
    this.#watch = this.#tools.registry.watch((news) => this.#hear(news));
    // A subscription that fails now heals by itself and says `resync`; the first read must not wait for it.
    await this.#watch.ready.catch((error: unknown) => this.#tools.logger.warn({ err: error }, 'not subscribed to the registry yet'));
    await new Promise<void>((settle) => {
      this.#settleStart = settle;
      this.#stale.all = true;
      // Not by the clock, whose timers do not keep a process alive that is only starting.
      if (this.#stopped) settle();
      else void this.#catchUp();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#watch?.close();
    this.#settleStart();
  }

  #hear(news: News): void {
    if (news.kind === 'resync') {
      this.#stale.all = true;
      this.#sync.reconnects++;
    } else if (news.kind === 'environment') this.#stale.environments.add(news.name);
    else if (news.kind === 'server') this.#stale.servers.add(news.name);
    else return;
    // While reads fail the next try is planned already, unless this says that the registry is back.
    if (!this.#reading && (this.#failures === 0 || news.kind === 'resync')) this.#readSoon();
  }

  /** Within a burst the first news sets the date, so that a steady stream of them cannot put it off for ever. */
  #readSoon(): void {
    const wait = Math.max(coalesceMs, this.#lastReadMs);
    if (this.#dueAt > this.#tools.clock.now() + wait) this.#schedule(wait);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) {
      this.#settleStart();
      return;
    }
    this.#timer?.cancel();
    this.#dueAt = this.#tools.clock.now() + delayMs;
    this.#timer = this.#tools.clock.after(delayMs, () => void this.#catchUp());
  }

  async #catchUp(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const begun = this.#tools.clock.now();
    if (this.#tools.clock.now() >= this.#refreshAt) this.#stale.all = true;
    const wanted = this.#stale.take();
    try {
      if (wanted.all) await this.#readAll(wanted);
      else await this.#readNamed(wanted);
      if (this.#failures > 0) this.#tools.logger.info('registry read again');
      this.#failures = 0;
    } catch (error) {
      this.#stale.put(wanted);
      this.#sync.failures++;
      if (this.#failures++ === 0) this.#tools.logger.warn({ err: error }, 'registry cannot be read: going on with what is known');
    } finally {
      this.#reading = false;
      this.#lastReadMs = this.#tools.clock.now() - begun;
    }
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    if (this.#failures > 0) {
      const wait = Math.min(retryMs.most, retryMs.first * 2 ** (this.#failures - 1));
      this.#schedule(jittered(wait, this.#tools.random, 0.3));
    } else if (this.#stale.any) {
      this.#readSoon();
    } else {
      this.#schedule(Math.max(coalesceMs, this.#refreshAt - this.#tools.clock.now()));
    }
  }

  async #readAll(wanted: Stale): Promise<void> {
    const { registry, clock } = this.#tools;
    const begun = clock.now();
    const [environments, servers] = await Promise.all([registry.environments(), registry.servers()]);
    if (this.#stopped) return;
    if (environments.length === 0 && this.#environments.size > 0 && !wanted.environments.size)
      environments.push(...(await this.#giveBack()));
    const nextEnvironments = new Map(environments.map((environment) => [environment.name, environment]));
    for (const [name, environment] of this.#environments) {
      if (!nextEnvironments.has(name) && !wanted.environments.has(name) && !this.#believed(environmentGraceMs))
        nextEnvironments.set(name, environment);
    }
    const nextMembers = new Map(servers.map((record) => [record.id, this.#memberOf(record)]));
    for (const [id, member] of this.#members) {
      if (!nextMembers.has(id) && !wanted.servers.has(id) && !this.#believed(member.record.ttl)) nextMembers.set(id, member);
    }
    this.#environments = nextEnvironments;
    this.#members = nextMembers;
    this.#read = true;
    this.#sync.at = begun;
    this.#refreshIn(jittered(refreshMs, this.#tools.random));
    this.#settleStart();
    this.#changed();
  }

  /** A registry that has no environment at all has lost them: it gets back those that are served here, and who serves them can join. */
  async #giveBack(): Promise<Environment[]> {
    const { registry, logger } = this.#tools;
    const served = [...this.#environments.values()];
    logger.error(
      { environments: served.map(({ name }) => name) },
      'the registry has lost every environment: it is given back those that are served',
    );
    return Promise.all(served.map(({ name, input }) => registry.putEnvironment(name, input)));
  }

  async #readNamed(wanted: Stale): Promise<void> {
    const { registry } = this.#tools;
    const names = [...wanted.environments];
    const ids = [...wanted.servers];
    const [environments, records] = await Promise.all([
      Promise.all(names.map((name) => registry.environment(name))),
      Promise.all(ids.map((id) => registry.server(id))),
    ]);
    if (this.#stopped) return;
    names.forEach((name, index) => {
      const environment = environments[index];
      if (environment) this.#environments.set(name, environment);
      else this.#environments.delete(name);
    });
    ids.forEach((id, index) => {
      const record = records[index];
      if (record) this.#members.set(id, this.#memberOf(record));
      else this.#members.delete(id);
    });
    this.#refreshIn(this.#refreshAt - this.#tools.clock.now());
    this.#changed();
  }

  /** An ended lease is nobody's news. */
  #refreshIn(delayMs: number): void {
    let wait = delayMs;
    const now = this.#tools.clock.now();
    for (const { until, lost } of this.#members.values()) if (!lost) wait = Math.min(wait, until - now + 1);
    this.#refreshAt = now + Math.max(soonestRefreshMs, wait);
  }

  /** A lease that was seen to last for a while does so by this clock too: if the registry's has jumped since, nobody is gone for that. */
  #memberOf(record: LeasedServer): MemberRecord {
    const now = this.#tools.clock.now();
    const before = this.#members.get(record.id);
    const isSame = before?.record.instance === record.instance && before.record.ttl === record.ttl;
    const seen = isSame ? before.until : now;
    const until = Math.max(seen, now + Math.min(record.leaseRemaining, record.ttl));
    const believed = this.#believed(record.ttl);
    return {
      record: believed ? record : stillRunning(record, before?.record),
      until,
      lost: record.leaseRemaining < 0 && until <= now && believed,
    };
  }

  /** Whether the registry has been reachable for so long that its word "gone" counts. */
  #believed(graceMs: number): boolean {
    const { link } = this.#tools.registry;
    return link.up && this.#tools.clock.now() - link.since >= graceMs;
  }
}

/** What a registry that was emptied does not know yet: the process that joins again has been running something all the time. */
function stillRunning(record: LeasedServer, before: LeasedServer | undefined): LeasedServer {
  if (record.running !== undefined || before?.running === undefined) return record;
  const same = record.instance === before.instance && record.environment === before.environment;
  return same ? { ...record, running: before.running } : record;
}
