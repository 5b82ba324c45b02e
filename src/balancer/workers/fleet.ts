import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import { type Clock, jittered, type Random, type Timer } from '../../model/clock.ts';
import { WorkerProcess, type WorkerProcessOwner } from './worker-process.ts';

/** A worker that lives shorter, in milliseconds, has probably died of something that will happen to the next one too. */
const shortLifeMs = 10_000;
/** Milliseconds until the next try after such a one: the second time, and at most. */
const backoffMs = { first: 200, most: 10_000 };
/** Looks, one a second, after which a worker that said nothing is taken for hung. */
const silentLooks = 20;
const lookMs = 1_000;
/** Milliseconds beyond its grace that an ending worker gets before it is killed. */
const patienceMs = 5_000;

export interface FleetTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Starts a process of this program as a worker, with a channel for messages. */
  readonly spawn: (number: number) => ChildProcess;
}

export interface FleetOwner extends WorkerProcessOwner {
  /** Tells a new worker everything there is to know. */
  greet(worker: WorkerProcess): void;
  gone(worker: WorkerProcess): void;
}

/** One slot for a worker, filled again whenever it is empty. */
interface Slot {
  worker: WorkerProcess | undefined;
  retry: Timer | undefined;
  /** Short lives in a row. */
  shortLives: number;
}

/** Keeps so many workers running: replaces who dies or hangs, and changes them one by one on request, the new before the old. */
export class Fleet {
  readonly #tools: FleetTools;
  readonly #owner: FleetOwner;
  readonly #slots: Slot[] = [];
  readonly #living = new Set<WorkerProcess>();
  readonly #relieving = new Set<WorkerProcess>();
  #looking: Timer | undefined;
  #started = 0;
  #stopping = false;
  #rolling: Promise<void> = Promise.resolve();

  constructor(tools: FleetTools, owner: FleetOwner) {
    this.#tools = tools;
    this.#owner = owner;
    this.#look();
  }

  /** Every living worker, those that are ending included. */
  get living(): ReadonlySet<WorkerProcess> {
    return this.#living;
  }

  get size(): number {
    return this.#slots.length;
  }

  resize(count: number): void {
    while (this.#slots.length < count) {
      const slot: Slot = { worker: undefined, retry: undefined, shortLives: 0 };
      this.#slots.push(slot);
      this.#fill(slot);
    }
  }

  /** Takes workers away down to `count`; each has `graceMs` to finish. */
  shrink(count: number, graceMs: number): void {
    for (const slot of this.#slots.splice(count)) {
      slot.retry?.cancel();
      if (slot.worker) this.#retire(slot.worker, graceMs);
    }
  }

  /** Puts new workers into all slots, one after the other; rejects, and leaves the rest as it is, when a new one does not come up. */
  roll(graceMs: number): Promise<void> {
    const rolled = this.#rolling.then(async () => {
      for (const slot of [...this.#slots]) await this.#renew(slot, graceMs);
    });
    this.#rolling = rolled.catch(() => {});
    return rolled;
  }

  /** As {@link roll}, for one worker; asked again meanwhile, it does nothing. */
  async relieve(worker: WorkerProcess, graceMs: number): Promise<void> {
    const slot = this.#slots.find((one) => one.worker === worker);
    if (slot === undefined || this.#relieving.has(worker)) return;
    this.#relieving.add(worker);
    try {
      await this.#renew(slot, graceMs);
    } finally {
      this.#relieving.delete(worker);
    }
  }

  /** Nobody is replaced from now on. Settles when all have ended, which those in flight have `graceMs` to do. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#looking?.cancel();
    this.shrink(0, graceMs);
    for (const worker of this.#living) this.#retire(worker, graceMs);
    await Promise.all([...this.#living].map((worker) => worker.ended));
  }

  /** Ends all at once. */
  kill(): void {
    this.#stopping = true;
    for (const worker of this.#living) worker.kill();
  }

  async #renew(slot: Slot, graceMs: number): Promise<void> {
    if (this.#stopping || !this.#slots.includes(slot)) return;
    const fresh = this.#launch();
    try {
      await fresh.ready;
    } catch (cause) {
      if (this.#stopping) return;
      throw new Error(`a new worker does not come up (${(cause as Error).message}): the present ones stay`, { cause });
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
    if (!worker.hasSpoken) {
      // It is still starting: there is nothing to finish.
      worker.kill();
      return;
    }
    worker.tell({ kind: 'drain', graceMs });
    const late = this.#tools.clock.after(graceMs + patienceMs, () => worker.kill());
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
      this.#tools.logger.error({ worker: worker.number, pid: worker.pid, reason, waitMs }, 'a worker has ended by itself and is replaced');
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
      this.#owner.gone(worker);
    });
    this.#owner.greet(worker);
    return worker;
  }

  /** Counts looks, not time: when the whole machine was asleep, nobody has been silent. */
  #look(): void {
    this.#looking = this.#tools.clock.after(lookMs, () => {
      for (const worker of this.#living) {
        if (++worker.silentLooks !== silentLooks) continue;
        this.#tools.logger.error({ worker: worker.number, pid: worker.pid }, 'a worker has said nothing for long: it is killed');
        worker.kill();
      }
      this.#look();
    });
  }
}
