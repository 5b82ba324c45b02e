import type { Logger } from 'pino';
import { type SnapshotId, sameSnapshot } from '../../model/snapshot-id.ts';
import type { SnapshotUpdate } from '../../model/snapshot-update.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** Times that everything is sent before a copy counts as one that cannot run it. */
const mostAttempts = 3;

/** The snapshot that a copy should run. */
export interface FeedSource {
  running(): SnapshotId | undefined;
  /** Everything that runs; undefined: it cannot be read at present. */
  whole(): Promise<SnapshotUpdate | undefined>;
}

/** Brings one copy to what the server runs, by steps where it can. */
export class CopyFeed {
  /** Resolves when the copy has ended. */
  readonly ended: Promise<void>;
  readonly #instance: string;
  readonly #channel: WorkerChannel;
  readonly #source: FeedSource;
  readonly #logger: Logger;
  #end: () => void = () => {};
  #isOver = false;
  /** The snapshot that the copy runs; `unknown` before it has said so. */
  #runs: SnapshotId | undefined | 'unknown' = 'unknown';
  #answered: () => void = () => {};
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: { instance: string; channel: WorkerChannel; source: FeedSource; logger: Logger }) {
    this.#instance = parts.instance;
    this.#channel = parts.channel;
    this.#source = parts.source;
    this.#logger = parts.logger;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Resolves when the copy runs what the server runs, or has ended. Never rejects.
   *
   * @param step leads there from what ran before; undefined: everything is sent
   */
  bring(step?: SnapshotUpdate): Promise<void> {
    const done = this.#turn.then(() => this.#bring(step));
    this.#turn = done;
    return done;
  }

  /** The copy says what it runs. */
  runs(running: SnapshotId | undefined): void {
    this.#runs = running;
    this.#answered();
  }

  end(): void {
    this.#isOver = true;
    this.#end();
    this.#answered();
  }

  async #bring(step: SnapshotUpdate | undefined): Promise<void> {
    for (let attempt = 0; attempt < mostAttempts && !this.#isRight; attempt++) {
      const running = this.#source.running();
      if (running === undefined) await this.#send(undefined);
      else if (step?.from !== undefined && this.#runs !== 'unknown' && sameSnapshot(step.from, this.#runs) && sameSnapshot(step, running))
        await this.#send(step);
      else {
        const whole = await this.#source.whole().catch(() => undefined);
        if (whole !== undefined) await this.#send(whole);
      }
    }
    if (!this.#isRight) this.#logger.error({ worker: this.#channel.number }, 'a worker process cannot apply what is deployed');
  }

  get #isRight(): boolean {
    return this.#isOver || (this.#runs !== 'unknown' && sameSnapshot(this.#runs, this.#source.running()));
  }

  /** Resolves when the copy has answered, or has ended. */
  #send(update: SnapshotUpdate | undefined): Promise<void> {
    const instance = this.#instance;
    if (this.#isOver) return Promise.resolve();
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    if (update === undefined) this.#channel.tell({ kind: 'apply', instance });
    else {
      // One in a message, since a message is written and read in one turn of the event loop.
      for (const project of update.put) this.#channel.tell({ kind: 'part', instance, project });
      this.#channel.tell({ kind: 'apply', instance, update: { ...update, put: [] } });
    }
    return answered;
  }
}
