import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { systemClock } from '../model/clock.ts';
import { CoalescedTask } from '../model/coalesced-task.ts';
import { receivedSnapshot, type Snapshot } from '../model/snapshot.ts';
import { sameSnapshot } from '../model/snapshot-id.ts';

/** First line of the file: its kind and format, and the checksum of the rest. */
const heading = z.strictObject({ sluice: z.literal('snapshot'), format: z.literal(1), sha256: z.string() });

/**
 * The last good snapshot on disk, so that a gateway can start while the registry is unreachable. It contains secrets of projects and is
 * readable by its owner only. A fault of the file is logged and never keeps the gateway from serving.
 */
export class SnapshotFile {
  readonly path: string;
  readonly #logger: Logger;
  /** The snapshot to write (`undefined`: no file), and the one on disk as far as known. */
  #wanted: Snapshot | undefined;
  #stored: Snapshot | 'unknown' | undefined = 'unknown';
  readonly #writes = new CoalescedTask({ clock: systemClock, run: () => this.#write() });

  /** @param dataDir folder of the file, created when the first snapshot is written */
  constructor(dataDir: string, logger: Logger) {
    this.path = join(dataDir, 'snapshot.json');
    this.#logger = logger;
  }

  /** Loads the snapshot of an earlier start; undefined if there is none or the file is damaged. */
  async load(): Promise<Snapshot | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#logger.warn({ file: this.path, err: error }, 'the last good snapshot cannot be read and is ignored');
      return undefined;
    }
    try {
      return parse(text);
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
      this.#logger.warn({ file: this.path, reason }, 'the last good snapshot is damaged or not written by Sluice, and is ignored');
      return undefined;
    }
  }

  /**
   * Replaces the file atomically; without a snapshot, removes it. When several snapshots arrive during a write, only the last is written next. Resolves when that
   * one is on disk or could not be written.
   */
  save(snapshot: Snapshot | undefined): Promise<void> {
    this.#wanted = snapshot;
    return this.#writes.now();
  }

  /** Resolves when no write is under way or waiting. */
  settled(): Promise<void> {
    return this.#writes.flush();
  }

  async #write(): Promise<void> {
    const next = this.#wanted;
    if (this.#holds(next)) return;
    try {
      await (next === undefined ? rm(this.path, { force: true }) : write(this.path, render(next)));
      this.#stored = next;
    } catch (error) {
      this.#stored = 'unknown';
      this.#logger.error({ file: this.path, err: error }, 'the last good snapshot cannot be written to disk; the gateway still serves it');
    }
  }

  #holds(snapshot: Snapshot | undefined): boolean {
    if (this.#stored === 'unknown') return false;
    return (
      this.#stored === snapshot ||
      (snapshot !== undefined && this.#stored?.environment === snapshot.environment && sameSnapshot(this.#stored, snapshot))
    );
  }
}

function render(snapshot: Snapshot): string {
  const body = JSON.stringify(snapshot);
  const first: z.input<typeof heading> = { sluice: 'snapshot', format: 1, sha256: checksum(body) };
  return `${JSON.stringify(first)}\n${body}\n`;
}

function parse(text: string): Snapshot {
  const [first = '', body = '', ...rest] = text.split('\n');
  const { sha256 } = heading.parse(JSON.parse(first));
  if (rest.join('') !== '' || checksum(body) !== sha256) throw new Error('the checksum does not match the contents');
  return receivedSnapshot.parse(JSON.parse(body));
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Writes the file atomically and durably: writes and flushes a new file, renames it, flushes the folder. */
async function write(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const fresh = `${path}.new`;
  const create = () => open(fresh, 'w', 0o600);
  const file = await create().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true });
    return create();
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
