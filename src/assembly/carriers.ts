import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { StartDataPlane } from '../balancer/data-plane.ts';
import { LocalDataPlane } from '../balancer/local-data-plane.ts';
import { WorkerDataPlane, type WorkerDataPlaneSettings } from '../balancer/workers/worker-data-plane.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../model/clock.ts';
import { openListener } from '../proxy/http-listener.ts';
import { accessLogSettings, checkAccessLog, OwnAccessLog } from './own-access-log.ts';
import { openTracing, type Tracing } from './tracing.ts';
import { spawnWorker } from './worker.ts';

/** Who carries the traffic: this process, or as many others as the configuration says. */
export class Carriers {
  readonly #started: Config;
  readonly #logger: Logger;
  #workers: WorkerDataPlane | undefined;
  #accessLog: OwnAccessLog | undefined;
  readonly #tracing: Tracing;

  constructor(config: Config, logger: Logger) {
    this.#started = config;
    this.#logger = logger;
    this.#tracing = openTracing('sluice-balancer', logger);
  }

  /** To be awaited before {@link start}. Rejects with a `SluiceError` if the access log cannot be written. */
  async openAccessLog(): Promise<void> {
    const settings = accessLogSettings(this.#started.accessLog);
    if (settings === false) return;
    if (this.#started.workers !== 0) return checkAccessLog(settings);
    this.#accessLog = new OwnAccessLog(settings, this.#logger);
    await this.#accessLog.open();
  }

  readonly start: StartDataPlane = (feedback) => {
    const tools = { clock: systemClock, random: Math.random, logger: this.#logger, ...feedback };
    if (this.#started.workers === 0) {
      const log = this.#accessLog?.log;
      return new LocalDataPlane({
        ...tools,
        open: (address, settings, handler) => openListener(address, settings, this.#tracing.around(handler), log),
      });
    }
    const traffic = new WorkerDataPlane({ ...tools, spawn: spawnWorker, settings: settingsOf(this.#started) });
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
    else if (!isDeepStrictEqual(next.accessLog, this.#started.accessLog)) refuse('accessLog');
  }

  /** Lines of the access log that could not be kept. */
  get accessLogDropped(): number {
    return this.#workers?.accessLogDropped ?? this.#accessLog?.dropped ?? 0;
  }

  /** The access log's file was renamed. */
  reopenAccessLog(): void {
    this.#workers?.reopenAccessLog();
    void this.#accessLog?.reopen();
  }

  /** After the traffic: what was logged and traced of it is written. */
  async flush(): Promise<void> {
    await Promise.all([this.#accessLog?.flush(), this.#tracing.close()]);
  }

  async restart(): Promise<void> {
    if (this.#workers === undefined) this.#logger.warn('there are no worker processes to restart: workers is 0');
    else await this.#workers.restart();
  }
}

function settingsOf({ workers, accessLog, shutdown }: Config): WorkerDataPlaneSettings {
  return {
    workers: workers === 'auto' ? availableParallelism() : workers,
    accessLog: accessLogSettings(accessLog),
    graceMs: shutdown.grace,
  };
}
