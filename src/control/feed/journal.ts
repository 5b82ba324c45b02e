import type { Logger } from 'pino';
import type { Happening } from '../../api/answers.ts';
import type { Clock, Timer } from '../../model/clock.ts';
import type { JournalFile } from './journal-file.ts';

/** Happenings that are kept; older ones are forgotten. */
export const mostHappenings = 500;
/** Milliseconds after a happening until it is on disk: a burst is written once. */
const writeAfterMs = 2000;

/** The last happenings, oldest first. With a file they outlive a restart; a disk that is full costs that, and nothing else. */
export class Journal {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #file: JournalFile | undefined;
  #kept: Happening[] = [];
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failed = false;

  private constructor(clock: Clock, logger: Logger, file: JournalFile | undefined) {
    this.#clock = clock;
    this.#logger = logger;
    this.#file = file;
  }

  /** Opens it; what cannot be read is logged, and left behind. */
  static async open(clock: Clock, logger: Logger, file?: JournalFile): Promise<Journal> {
    const journal = new Journal(clock, logger, file);
    try {
      journal.#kept = ((await file?.read()) ?? []).slice(-mostHappenings);
    } catch (error) {
      logger.warn({ err: error, file: file?.path }, 'the journal of earlier events cannot be read; it begins anew');
    }
    return journal;
  }

  get happenings(): readonly Happening[] {
    return this.#kept;
  }

  record(happenings: readonly Happening[]): void {
    if (happenings.length === 0) return;
    this.#kept = [...this.#kept, ...happenings].slice(-mostHappenings);
    if (this.#file) this.#timer ??= this.#clock.after(writeAfterMs, () => void this.#write());
  }

  /** Settles when everything is on disk, or could not be put there. */
  async close(): Promise<void> {
    const unwritten = this.#timer !== undefined;
    this.#timer?.cancel();
    if (unwritten) await this.#write();
    await this.#writing;
  }

  #write(): Promise<void> {
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#file?.write(this.#kept);
        this.#failed = false;
      } catch (error) {
        // Once for each time it fails: a full disk stays full for a while.
        if (!this.#failed)
          this.#logger.warn({ err: error, file: this.#file?.path }, 'the journal of events cannot be written; it is kept in memory');
        this.#failed = true;
      }
    });
    return this.#writing;
  }
}
