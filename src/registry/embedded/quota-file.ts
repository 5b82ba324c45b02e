import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { LimitState } from '../../limits/limit-parts.ts';
import type { QuotaLedger } from '../../limits/memory-limit-store.ts';
import { checkedLine, textOfLine } from '../../model/checked-line.ts';
import type { Clock } from '../../model/clock.ts';
import { SluiceError } from '../../model/fault.ts';
import { replaceFile } from '../replace-file.ts';

/** Key, start of the period, level, limit, end of the period. */
const line = z.tuple([z.string(), z.int(), z.int(), z.int(), z.int()]);
/** Lines beyond those of present quotas, after which the file is written anew. */
const spareLines = 10_000;
/** Share of a quota that is written as used before it is: a restart after a crash takes it for used, and few grants need a write. */
const writtenAhead = 1 / 100;

/**
 * Use of the quotas of an embedded registry: a log with a line for each change. A level on disk is never higher than the true one, so that a
 * crash can only make a quota smaller, by a hundredth. Damaged lines are skipped.
 */
export class QuotaFile implements QuotaLedger {
  readonly #path: string;
  readonly #clock: Pick<Clock, 'date'>;
  readonly #durable: Map<string, LimitState>;
  #file: FileHandle | undefined;
  #lines = 0;
  /** The write under way, which later ones follow. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, clock: Pick<Clock, 'date'>, durable: Map<string, LimitState>) {
    this.#path = path;
    this.#clock = clock;
    this.#durable = durable;
    this.#lines = durable.size === 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  static async open(folder: string, clock: Pick<Clock, 'date'>): Promise<QuotaFile> {
    const path = join(folder, 'quotas.log');
    const octets = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const known = new Map<string, LimitState>();
    for (let start = 0, end = octets.indexOf('\n'); end !== -1; start = end + 1, end = octets.indexOf('\n', start)) {
      const read = parsed(textOfLine(octets.subarray(start, end)));
      if (read !== undefined && read[4] > clock.date() * 1000) known.set(read[0], stateOf(read));
    }
    return new QuotaFile(path, clock, known);
  }

  durable(key: string): LimitState | undefined {
    return this.#durable.get(key);
  }

  save(states: ReadonlyMap<string, LimitState>): Promise<void> {
    const changed: [string, LimitState][] = [];
    for (const [key, state] of states) {
      const known = this.#durable.get(key);
      const [limit] = state.parts;
      if (known !== undefined && known.at === state.at && known.parts[0]?.cap === limit?.cap && known.level <= state.level) continue;
      changed.push([key, { ...state, level: state.level - Math.floor((limit?.cap ?? 0) * writtenAhead) }]);
    }
    if (changed.length === 0) return Promise.resolve();
    for (const [key, state] of changed) this.#durable.set(key, state);
    return this.#write(changed);
  }

  /** Writes the true levels, and closes the file. Never rejects. */
  async close(states: Iterable<[string, LimitState]>): Promise<void> {
    for (const [key, state] of states) this.#durable.set(key, state);
    if (this.#lines > 0) await this.#follow(() => this.#rewrite()).catch(() => {});
    await this.#file?.close();
  }

  async #write(changed: readonly [string, LimitState][]): Promise<void> {
    try {
      await this.#follow(async () => {
        if (this.#lines > this.#durable.size + spareLines) await this.#rewrite();
        else {
          this.#file ??= await open(this.#path, 'a', 0o600);
          await this.#file.appendFile(changed.map(lineOf).join(''));
          await this.#file.datasync();
          this.#lines += changed.length;
        }
      });
    } catch (cause) {
      // The next grant writes again.
      for (const [key] of changed) this.#durable.delete(key);
      throw new SluiceError('unavailable', `${this.#path} cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  async #rewrite(): Promise<void> {
    const now = this.#clock.date() * 1000;
    for (const [key, { parts }] of this.#durable) if ((parts[0]?.until ?? 0) <= now) this.#durable.delete(key);
    await this.#file?.close();
    this.#file = undefined;
    await replaceFile(this.#path, async (file) => {
      await file.writeFile([...this.#durable].map(lineOf).join(''));
    });
    this.#lines = this.#durable.size;
  }

  #follow(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }
}

function lineOf([key, { at, level, parts }]: readonly [string, LimitState]): string {
  return checkedLine(JSON.stringify([key, at, level, parts[0]?.cap ?? 0, parts[0]?.until ?? 0]));
}

function stateOf([, at, level, cap, until]: z.output<typeof line>): LimitState {
  return { at, level, parts: [{ gateway: '', rate: 0, cap, until, demand: 0 }] };
}

function parsed(text: string | undefined): z.output<typeof line> | undefined {
  try {
    return line.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}
