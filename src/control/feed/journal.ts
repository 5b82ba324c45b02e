import type { Logger } from 'pino';
import type { Happening } from '../../api/answers.ts';
import { maxHappenings } from '../../api/feed-messages.ts';
import type { Clock } from '../../model/clock.ts';
import { CoalescedTask } from '../../model/coalesced-task.ts';
import type { JournalFile } from './journal-file.ts';

/** Milliseconds from a happening to the write that saves it, so that a burst is written once. */
const writeAfterMs = 2000;

/**
 * The last {@link maxHappenings} happenings, oldest first. With a file they survive a restart. If the file cannot be read or written, the
 * journal works in memory.
 */
export class Journal {
  readonly #logger: Logger;
  readonly #file: JournalFile | undefined;
  #kept: Happening[] = [];
  readonly #writes: CoalescedTask;
  #failed = false;

  private constructor(clock: Clock, logger: Logger, file: JournalFile | undefined) {
    this.#writes = new CoalescedTask({ clock, run: () => this.#write() });
    this.#logger = logger;
    this.#file = file;
  }

  /** Opens a journal with the happenings in `file`. A file that cannot be read is logged, and its contents are dropped. */
  static async open(clock: Clock, logger: Logger, file?: JournalFile): Promise<Journal> {
    const journal = new Journal(clock, logger, file);
    try {
      journal.#kept = ((await file?.read()) ?? []).slice(-maxHappenings);
    } catch (error) {
      logger.warn({ err: error, file: file?.path }, 'the journal of events cannot be read: it starts empty, and its file will be replaced');
    }
    return journal;
  }

  get happenings(): readonly Happening[] {
    return this.#kept;
  }

  record(happenings: readonly Happening[]): void {
    if (happenings.length === 0) return;
    this.#kept = [...this.#kept, ...happenings].slice(-maxHappenings);
    if (this.#file) this.#writes.soon(writeAfterMs);
  }

  /** Writes what is not on disk yet, and resolves even if that fails. */
  close(): Promise<void> {
    return this.#writes.flush();
  }

  async #write(): Promise<void> {
    try {
      await this.#file?.write(this.#kept);
      this.#failed = false;
    } catch (error) {
      // Logged once until a write succeeds again: a full disk stays full for a while.
      if (!this.#failed)
        this.#logger.warn(
          { err: error, file: this.#file?.path },
          'the journal of events cannot be written: it is kept in memory until the disk has room and the file is writable',
        );
      this.#failed = true;
    }
  }
}
