import type { Logger } from 'pino';
import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import type { LiveServer, LiveView } from '../../model/live.ts';
import type { News } from '../../model/news.ts';
import { eachInTurns, inTurns } from '../../model/pieces.ts';
import type { Link, Registry, Watch } from '../../registry/contract.ts';
import type { CertificateStore } from '../../tls/certificate-store.ts';
import type { IssuedCertificates } from '../../tls/issued-certificates.ts';
import { DesiredState } from './desired-state.ts';
import { registryHappening } from './happenings.ts';
import { RoomWatch } from './room-watch.ts';
import { compareServers } from './server-changes.ts';
import { TrafficMeter } from './traffic-meter.ts';

const secondMs = 1000;
/** Seconds between two refreshes while the feed has no readers, and neither news nor a change of health asks for one. */
const idleSeconds = 5;
/** Milliseconds between the end of a refresh and the next one, so that a burst of news leads to one or two refreshes. */
const restMs = { attended: 200, idle: 1000 } as const;

interface Observed {
  readonly registry: Registry;
  readonly live: LiveView;
  readonly listServers: () => Promise<readonly ServerAnswer[]>;
  readonly certificates?: Pick<CertificateStore, 'states'> | undefined;
  readonly issued?: Pick<IssuedCertificates, 'states'> | undefined;
  readonly clock: Clock;
}

/**
 * Makes the feed messages. Servers and desired state are refreshed when the registry has news, when the health of a server changes, and
 * every few seconds; each difference from the last refresh becomes a message. Traffic is measured once a second. The live feed and the
 * journal subscribe.
 */
export class Observer {
  readonly traffic = new TrafficMeter();
  /** True while the feed has readers: then servers are refreshed every second. */
  attended = false;
  readonly #observed: Observed;
  readonly #logger: Logger;
  readonly #listeners: ((message: FeedMessage) => void)[] = [];
  readonly #desired: DesiredState;
  readonly #watch: Watch;
  #servers: readonly ServerAnswer[] | undefined;
  #health = new Map<string, string>();
  readonly #room = new RoomWatch();
  #registryLink: Link;
  /** Bound address by environment, as of the last second. */
  #listening: ReadonlyMap<string, string | undefined> = new Map();
  /** State of the certificates, as of the last second. */
  #certificates: string;
  #seconds = 0;
  #timer: Timer | undefined;
  readonly #refreshes: CoalescedTask;
  /** One at a time: if a second was not enough for all servers, the next measurement comes after it. */
  readonly #measures: CoalescedTask;
  /** Beside the refreshes: consumers that the registry has lost may take seconds to be written back. */
  readonly #callerReads: CoalescedTask;
  #closed = false;

  constructor(observed: Observed, logger: Logger) {
    this.#observed = observed;
    this.#logger = logger;
    this.#desired = new DesiredState(observed.registry);
    this.#registryLink = observed.registry.link;
    this.#certificates = certificatesIn(observed);
    this.#refreshes = new CoalescedTask({
      clock: observed.clock,
      run: () => this.#refresh(),
      rest: () => (this.attended ? restMs.attended : restMs.idle),
    });
    this.#measures = new CoalescedTask({ clock: observed.clock, run: () => this.#measure() });
    this.#callerReads = new CoalescedTask({ clock: observed.clock, run: () => this.#readCallers() });
    this.#watch = observed.registry.watch((news) => this.#onNews(news));
    this.#schedule();
    this.refresh();
  }

  /** All servers, as of the last refresh; undefined before the first. */
  get servers(): readonly ServerAnswer[] | undefined {
    return this.#servers;
  }

  /** State of the connection to the registry, as of the last second. */
  get registryLink(): Link {
    return this.#registryLink;
  }

  subscribe(listener: (message: FeedMessage) => void): void {
    this.#listeners.push(listener);
  }

  /** Requests a refresh: at once, or after the running one and the rest that follows it. */
  refresh(): void {
    this.#refreshes.soon();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#refreshes.stop();
    this.#measures.stop();
    this.#callerReads.stop();
    this.#watch.close();
  }

  #emit(message: FeedMessage): void {
    for (const listener of this.#listeners) listener(message);
  }

  #emitHappenings(happenings: readonly Happening[]): void {
    if (happenings.length > 0) this.#emit({ type: 'happenings', at: this.#observed.clock.date(), happenings });
  }

  #schedule(): void {
    this.#timer = this.#observed.clock.after(secondMs, () => {
      this.#schedule();
      this.#measures.soon();
    });
  }

  async #measure(): Promise<void> {
    const { clock, live } = this.#observed;
    const at = clock.date();
    const health = new Map<string, string>();
    let flipped = false;
    const noting = function* (this: Observer): Generator<LiveServer> {
      for (const server of live.servers()) {
        health.set(server.id, server.health);
        flipped ||= this.#health.get(server.id) !== server.health;
        yield server;
      }
    };
    const samples = await inTurns(this.traffic.take(at, noting.call(this)));
    if (this.#closed) return;
    this.#emit({ type: 'traffic', at, ...samples });
    this.#checkRegistry();
    this.#checkListeners(at);
    this.#checkCertificates(at);
    this.#emitHappenings(this.#room.take(at, live.listeners()));
    this.#health = health;
    if (this.attended || flipped || ++this.#seconds % idleSeconds === 0) this.refresh();
  }

  #checkRegistry(): void {
    const { up, refuses } = this.#observed.registry.link;
    const before = this.#registryLink;
    if (up === before.up && refuses === before.refuses) return;
    this.#registryLink = this.#observed.registry.link;
    const at = this.#observed.clock.date();
    this.#emit({ type: 'registry', at, up, ...(refuses !== undefined && { refuses }) });
    this.#emitHappenings([registryHappening(at, before, { up, refuses })]);
  }

  /** Reports listeners that opened, closed or moved: the registry has no news of that. */
  #checkListeners(at: number): void {
    const before = this.#listening;
    this.#listening = new Map([...this.#desired.environments].map((name) => [name, this.#observed.live.listening(name)]));
    for (const [name, address] of this.#listening) {
      if (before.get(name) !== address) this.#emit({ type: 'environment', at, name });
    }
  }

  /** Reports certificates that were issued, replaced or refused: an environment's answer shows them. */
  #checkCertificates(at: number): void {
    const before = this.#certificates;
    this.#certificates = certificatesIn(this.#observed);
    if (this.#certificates === before) return;
    for (const name of this.#desired.environments) this.#emit({ type: 'environment', at, name });
  }

  #onNews(news: News): void {
    if (news.kind === 'secret' || news.kind === 'purge') return;
    if (news.kind === 'callers') {
      this.refresh();
      return;
    }
    const at = this.#observed.clock.date();
    this.#desired.markStale(news);
    switch (news.kind) {
      case 'snapshot':
        this.#emit({ type: 'deployment', at, environment: news.name, version: news.version });
        break;
      case 'environment':
      case 'project':
        this.#emit({ type: news.kind, at, name: news.name });
        break;
      case 'resync':
        this.#emit({ type: 'resync', at });
        break;
      case 'server':
        break;
      default:
        news satisfies never;
    }
    this.refresh();
  }

  async #readCallers(): Promise<void> {
    try {
      await this.#desired.refreshCallers(this.#observed.clock.date(), (happenings) => {
        if (!this.#closed) this.#emitHappenings(happenings);
      });
    } catch (error) {
      this.#logger.debug({ err: error }, 'consumers and products could not be read from the registry');
    }
  }

  async #refresh(): Promise<void> {
    const { listServers, clock } = this.#observed;
    try {
      await this.#desired.refresh(clock.date(), (happenings) => this.#emitHappenings(happenings));
      const servers = await listServers();
      if (this.#closed) return;
      this.#callerReads.soon();
      const at = clock.date();
      const known = this.#servers;
      if (known === undefined) {
        this.#servers = servers;
        this.#emit({ type: 'servers', at, servers });
        return;
      }
      const { messages, happenings } = await inTurns(compareServers(known, servers, at));
      if (this.#closed) return;
      // Before the messages, so that a new reader gets each change in the list, or as a message, or both.
      this.#servers = servers;
      await eachInTurns(messages, (message) => {
        if (!this.#closed) this.#emit(message);
      });
      if (!this.#closed) this.#emitHappenings(happenings);
    } catch (error) {
      this.#logger.debug({ err: error }, 'the servers or the desired state could not be read from the registry');
    }
  }
}

/** A text that differs when a certificate, or what is known of it, has changed. */
function certificatesIn({ certificates, issued }: Observed): string {
  const ofFiles = (certificates?.states ?? []).map(({ file, notAfter, fault, lists }) => [file, notAfter, fault, lists]);
  const ofNames = (issued?.states ?? []).map(({ name, certificate, failure }) => [name, certificate?.fingerprint, failure?.retryAt]);
  return JSON.stringify([ofFiles, ofNames]);
}
