import type { Logger } from 'pino';
import type { Happening, ServerAnswer } from '../../api/answers.ts';
import type { FeedMessage } from '../../api/feed-messages.ts';
import type { Timer } from '../../model/clock.ts';
import type { News, Watch } from '../../registry/contract.ts';
import type { ControlContext } from '../app.ts';
import { listServers } from '../views/server-view.ts';
import { compareServers } from './server-changes.ts';
import { TrafficMeter } from './traffic-meter.ts';
import { WantedState } from './wanted-state.ts';

const secondMs = 1000;
/** Seconds between two looks when nobody watches and nothing points to a change. */
const idleSeconds = 5;
/** Milliseconds of rest after a look, so that a burst of news is one or two looks. */
const restMs = { attended: 200, idle: 1000 } as const;

/**
 * Sees what goes on: the servers are looked at whenever the registry has news, when their health flips, and every few seconds; what
 * differs from the last look is told. TrafficMeter is read once a second. Listeners are few: the live feed and the journal.
 */
export class Observer {
  readonly traffic = new TrafficMeter();
  /** Somebody watches: looks once a second. */
  attended = false;
  readonly #context: ControlContext;
  readonly #logger: Logger;
  readonly #listeners: ((message: FeedMessage) => void)[] = [];
  readonly #wanted: WantedState;
  readonly #watch: Watch;
  #known: readonly ServerAnswer[] | undefined;
  #health = new Map<string, string>();
  #linked: boolean;
  #seconds = 0;
  #timer: Timer | undefined;
  #looking = false;
  #lookAgain = false;
  #closed = false;

  constructor(context: ControlContext, logger: Logger) {
    this.#context = context;
    this.#logger = logger;
    this.#wanted = new WantedState(context.registry);
    this.#linked = context.registry.link.up;
    this.#watch = context.registry.watch((news) => this.#hear(news));
    this.#schedule();
    this.look();
  }

  /** As of the last look; undefined before the first. */
  get servers(): readonly ServerAnswer[] | undefined {
    return this.#known;
  }

  /** Whether the registry answers. */
  get linked(): boolean {
    return this.#linked;
  }

  listen(listener: (message: FeedMessage) => void): void {
    this.#listeners.push(listener);
  }

  /** One look at a time, and a rest after each: whatever comes up meanwhile leads to one more. */
  look(): void {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    void this.#lookNow().then(() => {
      this.#context.clock.after(this.attended ? restMs.attended : restMs.idle, () => {
        this.#looking = false;
        const again = this.#lookAgain && !this.#closed;
        this.#lookAgain = false;
        if (again) this.look();
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#watch.close();
  }

  #tell(message: FeedMessage): void {
    for (const listener of this.#listeners) listener(message);
  }

  #tellHappenings(happenings: readonly Happening[]): void {
    if (happenings.length > 0) this.#tell({ type: 'happenings', at: this.#context.clock.date(), happenings });
  }

  #schedule(): void {
    this.#timer = this.#context.clock.after(secondMs, () => {
      this.#schedule();
      const [at, servers] = [this.#context.clock.date(), this.#context.live.servers()];
      this.#tell({ type: 'traffic', at, ...this.traffic.take(at, servers) });
      this.#checkLink();
      const health = new Map(servers.map(({ id, health }) => [id, health]));
      const flipped = [...health].some(([id, now]) => this.#health.get(id) !== now);
      this.#health = health;
      if (this.attended || flipped || ++this.#seconds % idleSeconds === 0) this.look();
    });
  }

  #checkLink(): void {
    const { up } = this.#context.registry.link;
    if (up === this.#linked) return;
    this.#linked = up;
    const at = this.#context.clock.date();
    this.#tell({ type: 'registry', at, up });
    const about = { at, kind: 'balancer', subject: 'registry' } as const;
    this.#tellHappenings([
      up
        ? { ...about, tone: 'good', text: 'answers again' }
        : { ...about, tone: 'bad', text: 'does not answer', cause: 'the servers last known go on; nothing can be changed until it does' },
    ]);
  }

  #hear(news: News): void {
    const at = this.#context.clock.date();
    this.#wanted.note(news);
    switch (news.kind) {
      case 'snapshot':
        this.#tell({ type: 'deployment', at, environment: news.name, version: news.version });
        break;
      case 'environment':
      case 'project':
        this.#tell({ type: news.kind, at, name: news.name });
        break;
      case 'resync':
        this.#tell({ type: 'resync', at });
        break;
      case 'server':
        break;
      default:
        news satisfies never;
    }
    this.look();
  }

  async #lookNow(): Promise<void> {
    const { registry, live, clock } = this.#context;
    try {
      await this.#wanted.look(clock.date(), (happenings) => this.#tellHappenings(happenings));
      const servers = await listServers(registry, live, clock.date());
      if (this.#closed) return;
      const at = clock.date();
      const known = this.#known;
      this.#known = servers;
      if (known === undefined) {
        this.#tell({ type: 'servers', at, servers });
        return;
      }
      const { messages, happenings } = compareServers(known, servers, at);
      for (const message of messages) this.#tell(message);
      this.#tellHappenings(happenings);
    } catch (error) {
      this.#logger.debug({ err: error }, 'the registry cannot be read at present');
    }
  }
}
