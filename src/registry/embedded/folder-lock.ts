import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SluiceError } from '../../model/fault.ts';

const holder = z.object({ pid: z.int(), started: z.string(), token: z.string() });
type Holder = z.output<typeof holder>;

const abandonedMs = 5000;

/**
 * Lock that keeps a second process out of a folder. It is a file that names the process that holds it. A lock whose process has ended
 * (killed, or the machine was restarted) is taken over. Node has no `flock`: a process that is suspended for seconds during a takeover
 * can lose the lock again, so {@link FolderLock.held} must be checked before each write.
 */
export class FolderLock {
  readonly #file: string;
  readonly #token: string;

  private constructor(file: string, token: string) {
    this.#file = file;
    this.#token = token;
  }

  /** Takes the lock. Rejects with `conflict` if a living process holds it. */
  static async take(folder: string): Promise<FolderLock> {
    const file = join(folder, 'registry.lock');
    const mine: Holder = { pid: process.pid, started: (await startOf(process.pid)) ?? '', token: randomUUID() };
    const draft = `${file}.${mine.token}`;
    await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
    try {
      for (;;) {
        if (await linked(draft, file)) return new FolderLock(file, mine.token);
        const other = await readHolder(file);
        if (typeof other === 'object' && (await isAlive(other))) {
          const message = `${folder} is in use by process ${other.pid}: stop that process first, or use another folder`;
          throw new SluiceError('conflict', message);
        }
        await removeStale(file);
      }
    } finally {
      await rm(draft, { force: true });
    }
  }

  /** True if this process still holds the lock. */
  async held(): Promise<boolean> {
    const present = await readHolder(this.#file);
    return typeof present === 'object' && present.token === this.#token;
  }

  async release(): Promise<void> {
    if (await this.held()) await rm(this.#file, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a process that has ended. A guard file lets one process at a time do so: a new lock is never mistaken for the stale one. */
async function removeStale(file: string): Promise<void> {
  const guard = `${file}.takeover`;
  try {
    await writeFile(guard, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await removeAbandoned(guard);
    return;
  }
  try {
    const present = await readHolder(file);
    if (present === 'damaged' || (typeof present === 'object' && !(await isAlive(present)))) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Removes a guard whose process was killed: a guard normally exists for milliseconds only. */
async function removeAbandoned(guard: string): Promise<void> {
  const since = await stat(guard).catch(() => undefined);
  if (since && Date.now() - since.mtimeMs > abandonedMs) await rm(guard, { force: true });
}

async function readHolder(file: string): Promise<Holder | 'damaged' | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return holder.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

async function isAlive({ pid, started }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    if (codeOf(error) !== 'EPERM') return false;
  }
  // Process ids are reused; the same id with the same start time hardly ever is.
  const now = await startOf(pid);
  return now === undefined || now === started;
}

/** Start time of a process in the kernel's ticks (proc(5), field 22 of stat); undefined on systems without /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
