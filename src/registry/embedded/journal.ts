import { type FileHandle, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { checkedLine, textOfLine } from '../../model/checked-line.ts';
import { SluiceError } from '../../model/fault.ts';
import { row, type StoredRow, textOfRow } from './data-file.ts';

const heading = z.object({ journal: z.literal(1), epoch: z.string(), base: z.int().min(0) });
const entry = z.object({
  /** Revision number of the change, and of the one before it. */
  revision: z.int().min(1),
  after: z.int().min(0),
  put: z.array(row),
  removed: z.array(z.tuple([z.string(), z.string()])),
});

/** Changes that were written together, as they are read back. */
export type JournalEntry = z.output<typeof entry>;

/** Changes to write together. `after`: revision number of what is on disk already. */
export interface JournalChange {
  readonly revision: number;
  readonly after: number;
  readonly put: readonly StoredRow[];
  readonly removed: readonly (readonly [kind: string, name: string])[];
}

/** State of the registry's file that a journal continues. */
export interface JournalBase {
  readonly epoch: string;
  readonly revision: number;
}

/**
 * The changes of an embedded registry since its file was written: lines with checksums, each synced before the change is acknowledged. The first line
 * names the file's state that they continue. A kill or a power cut leaves at most a torn last line, which was not acknowledged and is dropped; any
 * other damage is refused.
 */
export class Journal {
  readonly path: string;
  /** The file as this object left it; undefined: it cannot be appended to. */
  #known: { readonly inode: number; length: number } | undefined;

  constructor(folder: string) {
    this.path = join(folder, 'registry.journal');
  }

  /** Octets of the file. */
  get length(): number {
    return this.#known?.length ?? 0;
  }

  /** Reads the changes that continue `base`, and drops a torn last line. Rejects with `invalid` if the file is damaged or continues another state. */
  async read(base: JournalBase): Promise<JournalEntry[]> {
    const octets = await readFile(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (octets === undefined) return [];
    const { texts, length } = this.#lines(octets);
    if (length < octets.length) await truncate(this.path, length);
    const first = texts.shift();
    if (first === undefined) {
      await this.remove();
      return [];
    }
    const begun = heading.safeParse(parsed(first)).data ?? this.#refuse('it does not begin like a journal of this version');
    const entries = texts.map((text) => entry.safeParse(parsed(text)).data ?? this.#refuse('a line is not a change of a registry'));
    const last = entries.at(-1)?.revision ?? begun.base;
    if (begun.epoch === base.epoch && begun.base < base.revision && last <= base.revision) {
      // A stop between writing the file and removing the journal: the file has all of it.
      await this.remove();
      return [];
    }
    if (begun.epoch !== base.epoch || begun.base !== base.revision) this.#refuse('it does not belong to the registry.json beside it');
    let reached = begun.base;
    for (const { after, revision } of entries) {
      if (after !== reached) this.#refuse('a change is missing in it');
      reached = revision;
    }
    await using(await open(this.path, 'r'), async (file) => this.#keep(file));
    return entries;
  }

  /**
   * Appends changes, and syncs. Begins the file if there is none.
   *
   * @returns false if the file is not as this object left it, so that the registry's file must be written instead
   */
  async append(base: JournalBase, change: JournalChange): Promise<boolean> {
    if (this.#known === undefined) return this.#begin(base, change);
    const known = this.#known;
    const file = await open(this.path, 'r+').catch(unlessMissing);
    if (file === undefined) return false;
    return using(file, async () => {
      const { size, ino } = await file.stat();
      if (size !== known.length || ino !== known.inode) return false;
      try {
        const octets = Buffer.from(lineOf(change));
        await written(file, octets, known.length);
        await file.datasync();
        known.length += octets.length;
        return true;
      } catch (error) {
        await file.truncate(known.length).catch(() => {
          this.#known = undefined;
        });
        throw error;
      }
    });
  }

  async remove(): Promise<void> {
    this.#known = undefined;
    await rm(this.path, { force: true });
  }

  async #begin({ epoch, revision }: JournalBase, change: JournalChange): Promise<boolean> {
    const first = checkedLine(JSON.stringify({ journal: 1, epoch, base: revision }));
    const file = await open(this.path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      await using(file, async () => {
        await written(file, Buffer.from(first + lineOf(change)), 0);
        await file.sync();
        await this.#keep(file);
      });
      await using(await open(join(this.path, '..'), 'r'), (folder) => folder.sync());
    } catch (error) {
      await this.remove().catch(() => {});
      throw error;
    }
    return true;
  }

  async #keep(file: FileHandle): Promise<void> {
    const { size, ino } = await file.stat();
    this.#known = { inode: ino, length: size };
  }

  /** Splits the file into the texts of its lines, and the length up to a torn last line. */
  #lines(octets: Buffer): { texts: string[]; length: number } {
    const texts: string[] = [];
    let start = 0;
    for (let end = octets.indexOf(lineEnd); end !== -1; end = octets.indexOf(lineEnd, start)) {
      const line = octets.subarray(start, end);
      const text = textOfLine(line);
      // After a power cut, pages of the last line may be missing, which read as zeros.
      const torn = text === undefined && end === octets.length - 1 && line.includes(0);
      if (torn) break;
      texts.push(text ?? this.#refuse('the checksum of a line does not match: it was changed or damaged after it was written'));
      start = end + 1;
    }
    return { texts, length: start };
  }

  #refuse(reason: string): never {
    const remedy =
      'restore it together with registry.json from a backup, or move it away to lose the changes since registry.json was written';
    throw new SluiceError('invalid', `${this.path} cannot be used: ${reason}; ${remedy}`);
  }
}

const lineEnd = 0x0a;

function lineOf({ revision, after, put, removed }: JournalChange): string {
  return checkedLine(
    `{"revision":${revision},"after":${after},"put":[${put.map(textOfRow).join(',')}],"removed":${JSON.stringify(removed)}}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function written(file: FileHandle, octets: Buffer, start: number): Promise<void> {
  for (let done = 0; done < octets.length; ) {
    const { bytesWritten } = await file.write(octets, done, octets.length - done, start + done);
    done += bytesWritten;
  }
}

async function using<T>(file: FileHandle, work: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
