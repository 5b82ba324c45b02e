import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { SluiceError } from '../../model/fault.ts';

const holder = z.object({
  pid: z.int(),
  started: z.string(),
  token: z.string(),
  /** Where the process id means this process: the boot of a kernel, and a process namespace of it. Absent in locks of older versions. */
  space: z.string().exactOptional(),
});
type Holder = z.output<typeof holder>;

const abandonedMs = 5000;
/** Milliseconds between two heartbeats of a holder, and without one after which a holder in another container or machine has ended. */
const heartbeat = { everyMs: 1000, silentMs: 6000, lookMs: 200 } as const;

/**
 * Lock that keeps a second process out of a folder. It is a file that names the process that holds it, and whose modification time the
 * holder renews as a heartbeat. A lock whose process has ended (killed, or the machine was restarted) is taken over. A process id says
 * nothing in another container or on another machine that shares the folder: there the heartbeat alone decides, by whether it changes,
 * so that clocks need not agree. Node has no `flock`: a process that is suspended for seconds can lose the lock, therefore
 * {@link FolderLock.held} must be checked before each write.
 */
export class FolderLock {
  readonly #file: string;
  readonly #token: string;
  readonly #handle: FileHandle;
  readonly #beating: NodeJS.Timeout;

  private constructor(file: string, token: string, handle: FileHandle) {
    this.#file = file;
    this.#token = token;
    this.#handle = handle;
    // Through the handle: never renews the lock of another process that has taken over.
    this.#beating = setInterval(() => void handle.utimes(new Date(), new Date()).catch(() => {}), heartbeat.everyMs).unref();
  }

  /** Takes the lock. Rejects with `conflict` if a living process holds it; decides after a few seconds if that is in another container. */
  static async take(folder: string): Promise<FolderLock> {
    const file = join(folder, 'registry.lock');
    const space = await ownSpace();
    const mine: Holder = {
      pid: process.pid,
      started: (await startOf(process.pid)) ?? '',
      token: randomUUID(),
      ...(space !== undefined && { space }),
    };
    const draft = `${file}.${mine.token}`;
    await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
    try {
      for (;;) {
        if (await linked(draft, file)) return new FolderLock(file, mine.token, await open(draft, 'r+'));
        const other = await readHolder(file);
        if (other === undefined) continue;
        if (other !== 'damaged') {
          const near = other.space === undefined || other.space === space;
          if (near ? await isAlive(other) : await beats(file, other)) {
            const who = `process ${other.pid}${near ? '' : ' of another container or machine'}`;
            throw new SluiceError('conflict', `${folder} is in use by ${who}: stop that process first, or use another folder`);
          }
        }
        await removeStale(file, other);
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
    clearInterval(this.#beating);
    if (await this.held()) await rm(this.#file, { force: true });
    await this.#handle.close();
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

/** Removes `stale`, the lock of a process that has ended, unless it was replaced meanwhile. A guard file lets one process at a time do so: a new lock is never mistaken for the stale one. */
async function removeStale(file: string, stale: Holder | 'damaged'): Promise<void> {
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
    if (tokenOf(present) === tokenOf(stale) && present !== undefined) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function tokenOf(lock: Holder | 'damaged' | undefined): string | undefined {
  return typeof lock === 'object' ? lock.token : lock;
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

/** Watches the heartbeat of a lock. Resolves to true once it beats, to false if it stays silent or the lock is gone. */
async function beats(file: string, { token }: Holder): Promise<boolean> {
  const first = await renewedAt(file);
  for (let waited = 0; waited < heartbeat.silentMs; waited += heartbeat.lookMs) {
    await setTimeout(heartbeat.lookMs);
    const present = await readHolder(file);
    if (tokenOf(present) !== token) return false;
    if ((await renewedAt(file)) !== first) return true;
  }
  return false;
}

/** Modification time of a file. Opens the file, since a network file system checks its cache only then. */
async function renewedAt(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names the present boot of the kernel and this process's process namespace; undefined on systems without /proc. */
async function ownSpace(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
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
