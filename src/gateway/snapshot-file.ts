import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { project } from '../model/project.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { sameSnapshot } from '../model/snapshot-id.ts';

/** First line of the file: what it is, and the checksum of everything after that line. */
const heading = z.strictObject({ sluice: z.literal('snapshot'), format: z.literal(1), sha256: z.string() });

const contents = z.object({
  environment: z.string(),
  epoch: z.string(),
  version: z.int(),
  hash: z.string(),
  variables: z.record(z.string(), z.string()),
  projects: z.array(z.object({ name: z.string(), revision: z.int(), project })),
});

/**
 * The last good snapshot on disk, so that a gateway can start while the registry is away. It holds secrets of projects
 * and is readable by its owner only. Nothing that happens to the file keeps the gateway from serving: it is logged.
 */
export class SnapshotFile {
  readonly path: string;
  readonly #logger: Logger;
  /** What is to be on disk: nothing (`undefined`) or a snapshot; and what is there, as far as is known. */
  #wanted: Snapshot | undefined;
  #stored: Snapshot | 'unknown' | undefined = 'unknown';
  #work: Promise<void> | undefined;

  /** @param dataDir made when the first snapshot is written */
  constructor(dataDir: string, logger: Logger) {
    this.path = join(dataDir, 'snapshot.json');
    this.#logger = logger;
  }

  /** The snapshot of an earlier run; undefined if there is none or the file cannot be trusted. */
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
      this.#logger.warn({ file: this.path, reason }, 'the last good snapshot is damaged or not one of Sluice, and is ignored');
      return undefined;
    }
  }

  /**
   * Puts a snapshot in the place of the earlier one, at once or not at all whatever happens meanwhile; of several in a
   * row, only the last is written. Without one, the file is removed. Settles when the disk has what was wanted last, or
   * that failed.
   */
  save(snapshot: Snapshot | undefined): Promise<void> {
    this.#wanted = snapshot;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
    return this.#work;
  }

  /** Settles when nothing is being written. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #run(): Promise<void> {
    while (!this.#holds(this.#wanted)) {
      const next = this.#wanted;
      try {
        await (next === undefined ? rm(this.path, { force: true }) : write(this.path, render(next)));
        this.#stored = next;
      } catch (error) {
        this.#stored = 'unknown';
        this.#logger.error({ file: this.path, err: error }, 'the last good snapshot cannot be kept on disk; serving goes on');
        if (next === this.#wanted) return;
      }
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
  if (rest.join('') !== '' || checksum(body) !== sha256) throw new Error('its checksum does not fit its contents');
  return contents.parse(JSON.parse(body));
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Atomic and durable: a new file, flushed, then renamed, then the folder flushed. */
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
