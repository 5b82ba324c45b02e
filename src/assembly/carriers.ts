import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { Traffic } from '../balancer/traffic.ts';
import type { StartTraffic } from '../balancer/traffic-side.ts';
import { WorkerTraffic, type WorkerTrafficSettings } from '../balancer/workers/worker-traffic.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../model/clock.ts';
import { accessLogTo } from '../proxy/access-log.ts';
import { openListener } from '../proxy/listener.ts';
import { spawnWorker } from './worker.ts';

/** Who carries the traffic: this process, or as many others as the configuration says. */
export class Carriers {
  readonly #started: Config;
  readonly #logger: Logger;
  #workers: WorkerTraffic | undefined;

  constructor(config: Config, logger: Logger) {
    this.#started = config;
    this.#logger = logger;
  }

  readonly start: StartTraffic = (suspect) => {
    const tools = { clock: systemClock, random: Math.random, logger: this.#logger, suspect };
    const { workers, accessLog } = this.#started;
    if (workers === 0) {
      const log = accessLog ? accessLogTo(this.#logger) : undefined;
      return new Traffic({ ...tools, open: (address, settings, handler) => openListener(address, settings, handler, log) });
    }
    const traffic = new WorkerTraffic({ ...tools, spawn: spawnWorker, settings: settingsOf(this.#started) });
    // However this process ends: those that it started do not outlive it.
    process.once('exit', () => traffic.kill());
    this.#workers = traffic;
    return traffic;
  };

  /** Takes over what another configuration says; warns of what this process cannot. */
  async adopt(next: Config): Promise<void> {
    const refuse = (setting: string) =>
      this.#logger.warn({ setting }, 'changed in the configuration: takes effect when the balancer is restarted');
    if ((this.#workers === undefined) !== (next.workers === 0)) return refuse('workers');
    if (this.#workers !== undefined) await this.#workers.adopt(settingsOf(next));
    else if (next.accessLog !== this.#started.accessLog) refuse('accessLog');
  }

  async restart(): Promise<void> {
    if (this.#workers === undefined) this.#logger.warn('there are no worker processes to restart: workers is 0');
    else await this.#workers.restart();
  }
}

function settingsOf({ workers, accessLog, shutdown }: Config): WorkerTrafficSettings {
  return { workers: workers === 'auto' ? availableParallelism() : workers, accessLog, graceMs: shutdown.grace };
}
