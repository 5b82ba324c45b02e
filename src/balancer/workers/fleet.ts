import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import { type Clock, jittered, type Random, type Timer } from '../../model/clock.ts';
import { WorkerProcess, type WorkerProcessOwner } from './worker-process.ts';

/** A worker that ends sooner than this, in milliseconds, probably ended for a reason that its successor will meet too, so that back-off applies. */
const shortLifeMs = 10_000;
/** Milliseconds of back-off before the next start; none before the first, then doubling. */
const backoffMs = { first: 200, most: 10_000 };
/** Ticks without a message after which a worker counts as hung. */
const hungAfterTicks = 20;
const tickMs = 1_000;
/** Milliseconds after the end of its grace period at which a draining worker is killed. */
const killDelayMs = 5_000;

export interface FleetTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Starts this program as a worker process, with an IPC channel. */
  readonly spawn: (number: number) => ChildProcess;
}

export interface FleetOwner extends WorkerProcessOwner {
  /** Sends a new worker its settings, all tables and all listeners. */
  initialize(worker: WorkerProcess): void;
  /** Called when a worker process has ended. */
  ended(worker: WorkerProcess): void;
}

/** Place for one worker; whenever its worker ends, a new one is started. */
interface Slot {
  worker: WorkerProcess | undefined;
  retry: Timer | undefined;
  /** Workers in a row that ended within `shortLifeMs`. */
  shortLives: number;
}

/** Keeps a number of workers running: replaces those that die or hang, and restarts them one by one on request, starting each new one before the old one drains. */
export class Fleet {
  readonly #tools: FleetTools;
  readonly #owner: FleetOwner;
  readonly #slots: Slot[] = [];
  readonly #living = new Set<WorkerProcess>();
  readonly #replacing = new Set<WorkerProcess>();
  #nextTick: Timer | undefined;
  #started = 0;
  #stopping = false;
  #rolling: Promise<void> = Promise.resolve();

  constructor(tools: FleetTools, owner: FleetOwner) {
    this.#tools = tools;
    this.#owner = owner;
    this.#tick();
  }

  /** All workers whose process has not ended, draining ones included. */
  get living(): ReadonlySet<WorkerProcess> {
    return this.#living;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Starts workers up to `count`. */
  grow(count: number): void {
    while (this.#slots.length < count) {
      const slot: Slot = { worker: undefined, retry: undefined, shortLives: 0 };
      this.#slots.push(slot);
      this.#fill(slot);
    }
  }

  /** Drains workers down to `count`; each gets `graceMs` for its exchanges in flight. */
  shrink(count: number, graceMs: number): void {
    for (const slot of this.#slots.splice(count)) {
      slot.retry?.cancel();
      if (slot.worker) this.#retire(slot.worker, graceMs);
    }
  }

  /** Replaces all workers one after the other. Rejects if a new worker does not start; the workers not replaced yet stay. */
  replaceAll(graceMs: number): Promise<void> {
    const rolled = this.#rolling.then(async () => {
      for (const slot of [...this.#slots]) await this.#replaceIn(slot, graceMs);
    });
    this.#rolling = rolled.catch(() => {});
    return rolled;
  }

  /** Replaces one worker, unless its replacement is under way already. Rejects when the new worker does not start. */
  async replace(worker: WorkerProcess, graceMs: number): Promise<void> {
    const slot = this.#slots.find((one) => one.worker === worker);
    if (slot === undefined || this.#replacing.has(worker)) return;
    this.#replacing.add(worker);
    try {
      await this.#replaceIn(slot, graceMs);
    } finally {
      this.#replacing.delete(worker);
    }
  }

  /** Drains all workers and starts no new ones. Resolves when all have ended; exchanges in flight get `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#nextTick?.cancel();
    this.shrink(0, graceMs);
    for (const worker of this.#living) this.#retire(worker, graceMs);
    await Promise.all([...this.#living].map((worker) => worker.ended));
  }

  /** Kills all workers at once. */
  kill(): void {
    this.#stopping = true;
    for (const worker of this.#living) worker.kill();
  }

  async #replaceIn(slot: Slot, graceMs: number): Promise<void> {
    if (this.#stopping || !this.#slots.includes(slot)) return;
    const fresh = this.#launch();
    try {
      await fresh.ready;
    } catch (cause) {
      if (this.#stopping) return;
      throw new Error(`a new worker did not start (${(cause as Error).message}): the current workers stay`, { cause });
    }
    if (this.#stopping || !this.#slots.includes(slot)) return this.#retire(fresh, 0);
    const old = slot.worker;
    slot.retry?.cancel();
    Object.assign(slot, { worker: fresh, shortLives: 0 });
    if (old !== undefined) this.#retire(old, graceMs);
  }

  #retire(worker: WorkerProcess, graceMs: number): void {
    if (worker.draining || worker.hasEnded) return;
    worker.draining = true;
    if (!worker.hasAnswered) {
      // Still starting, so that no exchange can be in flight.
      worker.kill();
      return;
    }
    worker.send({ kind: 'drain', graceMs });
    const late = this.#tools.clock.after(graceMs + killDelayMs, () => worker.kill());
    void worker.ended.then(() => late.cancel());
  }

  #fill(slot: Slot): void {
    const worker = this.#launch();
    const begun = this.#tools.clock.now();
    Object.assign(slot, { worker, retry: undefined });
    void worker.ended.then((reason) => {
      if (slot.worker !== worker) return;
      slot.worker = undefined;
      if (this.#stopping || !this.#slots.includes(slot)) return;
      if (this.#tools.clock.now() - begun >= shortLifeMs) slot.shortLives = 0;
      const waitMs = slot.shortLives === 0 ? 0 : Math.min(backoffMs.most, backoffMs.first * 2 ** (slot.shortLives - 1));
      slot.shortLives++;
      this.#tools.logger.error({ worker: worker.number, pid: worker.pid, reason, waitMs }, 'a worker ended by itself and is replaced');
      slot.retry = this.#tools.clock.after(jittered(waitMs, this.#tools.random), () => this.#fill(slot));
    });
  }

  #launch(): WorkerProcess {
    const number = ++this.#started;
    const worker = new WorkerProcess(number, this.#tools.spawn(number), this.#owner);
    this.#living.add(worker);
    void worker.ended.then((reason) => {
      this.#living.delete(worker);
      if (worker.draining) this.#tools.logger.info({ worker: number, reason }, 'worker ended');
      this.#owner.ended(worker);
    });
    this.#owner.initialize(worker);
    return worker;
  }

  /** Kills hung workers. Counts ticks instead of time: while the whole machine was suspended, no worker could send anything. */
  #tick(): void {
    this.#nextTick = this.#tools.clock.after(tickMs, () => {
      for (const worker of this.#living) {
        if (++worker.silentTicks !== hungAfterTicks) continue;
        this.#tools.logger.error(
          { worker: worker.number, pid: worker.pid },
          `a worker hangs: it sent nothing for ${(hungAfterTicks * tickMs) / 1000} s and is killed`,
        );
        worker.kill();
      }
      this.#tick();
    });
  }
}
