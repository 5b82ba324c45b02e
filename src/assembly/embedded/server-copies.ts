import type { Logger } from 'pino';
import type { Copies, CopySource } from '../../gateway/copies.ts';
import type { GatewayLoad } from '../../gateway/drain.ts';
import type { ReportRows } from '../../gateway/usage-report.ts';
import type { Family } from '../../metrics/family.ts';
import { FamilySums } from '../../metrics/family-sums.ts';
import { systemClock } from '../../model/clock.ts';
import type { LiveServer } from '../../model/live.ts';
import { inTurns } from '../../model/pieces.ts';
import type { SnapshotUpdate } from '../../model/snapshot-update.ts';
import { CopyFeed } from './copy-feed.ts';
import type { CopyOrder, FromCopies } from './messages.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** Milliseconds in which every copy should run what the server runs: the others are not waited for. */
const followMs = 10_000;
/** Milliseconds in which a worker must have answered a question. */
const answerMs = 1000;

/** The copies of one embedded server, one in each worker. */
export class ServerCopies implements Copies {
  readonly #order: CopyOrder;
  readonly #source: CopySource;
  readonly #live: () => readonly LiveServer[];
  readonly #logger: Logger;
  readonly #ended: () => void;
  readonly #feeds = new Map<WorkerChannel, CopyFeed>();
  /** Counts of each copy when it was asked last, and the sum of those that have ended. */
  readonly #counted = new Map<WorkerChannel, FamilySums>();
  readonly #past = new FamilySums();
  /** Counts that arrive, by worker and call. */
  readonly #arriving = new Map<string, FamilySums>();
  /** A reading of everything that runs, for all workers that need it at the same time. */
  #reading: Promise<SnapshotUpdate | undefined> | undefined;

  constructor(parts: { order: CopyOrder; source: CopySource; live: () => readonly LiveServer[]; logger: Logger }, ended: () => void) {
    this.#order = parts.order;
    this.#source = parts.source;
    this.#live = parts.live;
    this.#logger = parts.logger;
    this.#ended = ended;
  }

  readonly load: GatewayLoad = (() => {
    const sum = (count: (server: LiveServer) => number) => this.#live().reduce((total, server) => total + count(server), 0);
    return {
      connections: 0,
      get active() {
        return sum(({ active }) => active);
      },
      get requests() {
        return sum(({ requests }) => requests);
      },
    };
  })();

  beginIn(channel: WorkerChannel): void {
    const { instance } = this.#order;
    channel.tell({ kind: 'begin', ...this.#order });
    const source = {
      running: () => this.#source.running,
      whole: () => this.#wholeOnce(),
    };
    const feed = new CopyFeed({ instance, channel, source, logger: this.#logger });
    this.#feeds.set(channel, feed);
    void feed.bring();
  }

  heard(channel: WorkerChannel, message: Extract<FromCopies, { kind: 'runs' | 'family' | 'ended' }>): void {
    if (message.kind === 'runs') this.#feeds.get(channel)?.runs(message.running);
    else if (message.kind === 'family') this.#arrivingFrom(channel, message.call).add(message.part);
    else void this.#forget(channel, this.#arrived(channel, 0));
  }

  endedIn(channel: WorkerChannel): void {
    void this.#forget(channel, this.#counted.get(channel));
    for (const key of this.#arriving.keys()) if (key.startsWith(`${channel.number} `)) this.#arriving.delete(key);
  }

  async follow(step?: SnapshotUpdate): Promise<void> {
    const done = Promise.all([...this.#feeds.values()].map((feed) => feed.bring(step)));
    await new Promise<void>((resolve) => {
      const late = systemClock.after(followMs, () => {
        this.#logger.warn({ server: this.#order.id }, `worker processes did not apply what is deployed within ${followMs / 1000} s`);
        resolve();
      });
      void done.then(() => {
        late.cancel();
        resolve();
      });
    });
  }

  async families(): Promise<Family[]> {
    const { instance } = this.#order;
    await this.#ask(async (channel) => {
      let asked = 0;
      await channel.calls.make((call) => {
        asked = call;
        channel.tell({ kind: 'families', instance, call });
      });
      if (this.#feeds.has(channel)) this.#counted.set(channel, this.#arrived(channel, asked));
    });
    const sums = new FamilySums();
    for (const one of [this.#past, ...this.#counted.values()]) await inTurns(sums.addAll(one));
    return sums.families();
  }

  async usage(project: string | undefined): Promise<readonly ReportRows[]> {
    const { instance } = this.#order;
    const rows: ReportRows[] = [];
    await this.#ask(async (channel) => {
      const asked = { kind: 'usage', instance, ...(project !== undefined && { project }) } as const;
      rows.push(await channel.calls.make<ReportRows>((call) => channel.tell({ ...asked, call })));
    });
    return rows;
  }

  /** Ends all copies; exchanges get `graceMs`. */
  async end(graceMs: number): Promise<void> {
    const { instance } = this.#order;
    for (const channel of this.#feeds.keys()) channel.tell({ kind: 'end', instance, graceMs });
    await Promise.all([...this.#feeds.values()].map(({ ended }) => ended));
    this.#ended();
  }

  /** @param counted what the copy had counted when it was asked last */
  async #forget(channel: WorkerChannel, counted: FamilySums | undefined): Promise<void> {
    this.#feeds.get(channel)?.end();
    if (!this.#feeds.delete(channel)) return;
    this.#counted.delete(channel);
    if (counted !== undefined) await inTurns(this.#past.addAll(counted, { ended: true }));
  }

  #arrivingFrom({ number }: WorkerChannel, call: number): FamilySums {
    const key = `${number} ${call}`;
    const sums = this.#arriving.get(key) ?? new FamilySums();
    this.#arriving.set(key, sums);
    return sums;
  }

  #arrived(channel: WorkerChannel, call: number): FamilySums {
    const sums = this.#arrivingFrom(channel, call);
    this.#arriving.delete(`${channel.number} ${call}`);
    return sums;
  }

  /** Asks all workers; resolves when each has answered, or did not in time. */
  async #ask(ask: (channel: WorkerChannel) => Promise<void>): Promise<void> {
    const all = [...this.#feeds.keys()].map(ask);
    await new Promise<void>((resolve) => {
      const late = systemClock.after(answerMs, resolve);
      void Promise.allSettled(all).then(() => {
        late.cancel();
        resolve();
      });
    });
  }

  #wholeOnce(): Promise<SnapshotUpdate | undefined> {
    this.#reading ??= this.#source.whole().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }
}
