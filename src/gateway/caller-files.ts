import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { isBucket, partName, productsName } from '../model/caller-tree.ts';
import { checkedLine, textOfLine } from '../model/checked-line.ts';
import { systemClock } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';

/** Files that are read or written at the same time. */
const atOnce = 32;

/**
 * The parts of the tree of callers on disk, a file for each bucket and for the products, so that a gateway knows its callers when it starts without a
 * registry. They hold digests, never keys, and are readable by their owner only. A file that was cut short is noticed by its checksum and read again
 * from the registry; therefore none is synced. A fault of the disk is logged and never keeps the gateway from serving.
 */
export class CallerFiles {
  readonly #folder: string;
  readonly #logger: Logger;
  /** Texts to write; null: a file to remove. */
  #pending = new Map<string, string | null>();
  #failed = false;
  readonly #writes = new CoalescedTask({ clock: systemClock, run: () => this.#write() });

  constructor(dataDir: string, logger: Logger) {
    this.#folder = join(dataDir, 'callers');
    this.#logger = logger;
  }

  /** Reads the parts of an earlier start; damaged ones are left out. */
  async load(): Promise<{ readonly name: string; readonly text: string }[]> {
    const files = await readdir(this.#folder).catch(() => [] as string[]);
    const parts = files.map((file) => file.replace(/\.json$/, '')).filter((name) => isPart(name) && files.includes(`${name}.json`));
    const found: { name: string; text: string }[] = [];
    for (let start = 0; start < parts.length; start += atOnce) {
      const read = parts.slice(start, start + atOnce).map(async (name) => {
        const line = await readFile(this.#path(name)).catch(() => undefined);
        const text = line && textOfLine(line.subarray(0, -1));
        return text === undefined ? [] : [{ name, text }];
      });
      found.push(...(await Promise.all(read)).flat());
    }
    return found;
  }

  save(name: string, text: string | null): void {
    this.#pending.set(name, text);
    this.#writes.soon();
  }

  /** Resolves when nothing is left to write, or it could not be written. */
  settled(): Promise<void> {
    return this.#writes.flush();
  }

  async #write(): Promise<void> {
    const pending = [...this.#pending];
    this.#pending = new Map();
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      for (let start = 0; start < pending.length; start += atOnce)
        await Promise.all(pending.slice(start, start + atOnce).map(([name, text]) => this.#writeOne(name, text)));
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        this.#logger.warn(
          { folder: this.#folder, reason: (error as Error).message },
          'consumers cannot be saved: after a restart without the registry the server knows those that were saved before',
        );
      this.#failed = true;
    }
  }

  async #writeOne(name: string, text: string | null): Promise<void> {
    const path = this.#path(name);
    if (text === null) return rm(path, { force: true });
    await writeFile(`${path}.new`, checkedLine(text), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}

function isPart(name: string): boolean {
  return name === productsName || (isBucket(name) && partName.safeParse(name).success);
}
