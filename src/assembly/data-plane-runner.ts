import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { StartDataPlane } from '../balancer/data-plane.ts';
import type { EmbeddedPools } from '../balancer/embedded-servers.ts';
import { LocalDataPlane } from '../balancer/local-data-plane.ts';
import type { Beside } from '../balancer/workers/beside.ts';
import { WorkerDataPlane, type WorkerDataPlaneSettings } from '../balancer/workers/worker-data-plane.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../model/clock.ts';
import { openListener } from '../proxy/http-listener.ts';
import { accessLogSettings, checkAccessLog, OwnAccessLog } from './own-access-log.ts';
import { warnNeedsRestart } from './restart-only.ts';
import { spawnWorker } from './spawn-worker.ts';
import { openTracing, type Tracing } from './tracing.ts';

/** Runs a balancer's data plane as configured: in this process, or in worker processes. */
export class DataPlaneRunner {
  /** Ways to servers of this process. Set before {@link start}. */
  embedded: EmbeddedPools | undefined;
  /** The part of the program that has a counterpart in each worker. Set before {@link start}. */
  beside: Beside | undefined;
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

  /** Opens the access log; must resolve before {@link start}. Rejects with a `SluiceError` if it cannot be written. */
  async openAccessLog(): Promise<void> {
    const settings = accessLogSettings(this.#started.accessLog);
    if (settings === false) return;
    if (this.#started.workers !== 0) return checkAccessLog(settings);
    this.#accessLog = new OwnAccessLog(settings, this.#logger);
    await this.#accessLog.open();
  }

  /** Starts the data plane. */
  readonly start: StartDataPlane = (feedback) => {
    const tools = { clock: systemClock, random: Math.random, logger: this.#logger, embedded: this.embedded, ...feedback };
    if (this.#started.workers === 0) {
      const log = this.#accessLog?.log;
      return new LocalDataPlane({
        ...tools,
        open: (address, settings, handler, beside) => openListener(address, settings, this.#tracing.around(handler), log, beside),
      });
    }
    const dataPlane = new WorkerDataPlane({ ...tools, beside: this.beside, spawn: spawnWorker, settings: settingsOf(this.#started) });
    // However this process ends, its workers must not outlive it.
    process.once('exit', () => dataPlane.kill());
    this.#workers = dataPlane;
    return dataPlane;
  };

  /** Rejects with a `SluiceError` if the settings of a changed configuration cannot be applied. Changes nothing. */
  async check({ accessLog }: Config): Promise<void> {
    const settings = accessLogSettings(accessLog);
    // Only worker processes take another access log without a restart.
    if (this.#workers !== undefined && settings !== false) await checkAccessLog(settings);
  }

  /** Applies the settings of a changed configuration; warns of those that need a restart. */
  async reload(next: Config): Promise<void> {
    if ((this.#workers === undefined) !== (next.workers === 0)) return warnNeedsRestart('workers', this.#logger);
    if (this.#workers !== undefined) await this.#workers.update(settingsOf(next));
    else if (!isDeepStrictEqual(next.accessLog, this.#started.accessLog)) warnNeedsRestart('accessLog', this.#logger);
  }

  /** Access log lines dropped so far. */
  get accessLogDropped(): number {
    return this.#workers?.accessLogDropped ?? this.#accessLog?.dropped ?? 0;
  }

  /** Opens the access log's file again after it was renamed. */
  reopenAccessLog(): void {
    this.#workers?.reopenAccessLog();
    void this.#accessLog?.reopen();
  }

  /** Writes queued access log lines and sends queued spans; called after the data plane has stopped. */
  async flush(): Promise<void> {
    await Promise.all([this.#accessLog?.flush(), this.#tracing.close()]);
  }

  /** Replaces all workers, one after the other. */
  async restartWorkers(): Promise<void> {
    if (this.#workers === undefined) this.#logger.warn('there are no worker processes to restart: "workers" is 0 in the configuration');
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
