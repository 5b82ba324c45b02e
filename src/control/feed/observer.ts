import type { Logger } from 'pino';
import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import type { LiveView } from '../../model/live.ts';
import type { News } from '../../model/news.ts';
import type { Link, Registry, Watch } from '../../registry/contract.ts';
import { listServers } from '../views/server-view.ts';
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
  #seconds = 0;
  #timer: Timer | undefined;
  readonly #refreshes: CoalescedTask;
  #closed = false;

  constructor(observed: Observed, logger: Logger) {
    this.#observed = observed;
    this.#logger = logger;
    this.#desired = new DesiredState(observed.registry);
    this.#registryLink = observed.registry.link;
    this.#refreshes = new CoalescedTask({
      clock: observed.clock,
      run: () => this.#refresh(),
      rest: () => (this.attended ? restMs.attended : restMs.idle),
    });
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
      const [at, servers] = [this.#observed.clock.date(), this.#observed.live.servers()];
      this.#emit({ type: 'traffic', at, ...this.traffic.take(at, servers) });
      this.#checkRegistry();
      this.#checkListeners(at);
      this.#emitHappenings(this.#room.take(at, this.#observed.live.listeners()));
      const health = new Map(servers.map(({ id, health }) => [id, health]));
      const flipped = [...health].some(([id, now]) => this.#health.get(id) !== now);
      this.#health = health;
      if (this.attended || flipped || ++this.#seconds % idleSeconds === 0) this.refresh();
    });
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

  #onNews(news: News): void {
    if (news.kind === 'secret') return;
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

  async #refresh(): Promise<void> {
    const { registry, live, clock } = this.#observed;
    try {
      await this.#desired.refresh(clock.date(), (happenings) => this.#emitHappenings(happenings));
      const servers = await listServers(registry, live, clock.date());
      if (this.#closed) return;
      const at = clock.date();
      const known = this.#servers;
      this.#servers = servers;
      if (known === undefined) {
        this.#emit({ type: 'servers', at, servers });
        return;
      }
      const { messages, happenings } = compareServers(known, servers, at);
      for (const message of messages) this.#emit(message);
      this.#emitHappenings(happenings);
    } catch (error) {
      this.#logger.debug({ err: error }, 'the servers or the desired state could not be read from the registry');
    }
  }
}
