import fs from 'node:fs';
import { promisify } from 'node:util';
import { SluiceError } from '../model/fault.ts';

/** An open file, pipe or terminal that lines are appended to. */
export interface LogFile {
  /** Batches of at most {@link batchOctets} that can be written at once without octets of other processes getting in between. */
  readonly batches: number;
  /** Writes batches with one system call, now or later. `done` gets the number of octets written. */
  write(batches: readonly Buffer[], done: (error: Error | null, octets: number) => void): void;
  /** Writes batches as the process exits, as far as that needs no waiting. Throws the system's error. */
  writeLast(batches: readonly Buffer[]): void;
  close(): void;
}

/** `PIPE_BUF`: Linux writes this many octets to a pipe as a whole, even if several processes write (pipe(7); POSIX guarantees 512). */
export const batchOctets = 4096;
/** Enough batches to make a system call cheap for each line. Appending to a regular file keeps any number whole. */
const fileBatches = 16;

const open = promisify(fs.open);
const stat = promisify(fs.fstat);
const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } = fs.constants;
const mode = 0o640;
const stdout = 1;

/**
 * Opens `path` for appending and creates the file if necessary (mode 0640); undefined: standard output.
 * Rejects with a `SluiceError` (`unavailable`) that names the reason and the remedy.
 *
 * Regular files are written in libuv's thread pool, since a disk may be slow. Pipes and terminals are opened non-blocking and written
 * directly. Where that is not possible (a socket, or a pipe of another user), the thread pool writes too.
 */
export async function openLogFile(path: string | undefined): Promise<LogFile> {
  try {
    return path === undefined ? await openStdout() : await openPath(path);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const place = path ?? 'standard output';
    const remedy = remedies[code] ?? 'give another accessLog.path';
    throw new SluiceError('unavailable', `cannot open the access log ${place} (${code}): ${remedy}`, { cause });
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist: create it, or give another accessLog.path',
  ENOTDIR: 'a part of the path is a file, not a folder: give another accessLog.path',
  EISDIR: 'it is a folder: give a file in it as accessLog.path',
  EACCES: "the process's user has no permission to write there: change the permissions, or give another accessLog.path",
  EROFS: 'the file system is read-only: give another accessLog.path',
};

async function openPath(path: string): Promise<LogFile> {
  // Without a reader, a FIFO can be opened for writing only together with reading (ENXIO otherwise).
  const fd = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENXIO') throw error;
    return open(path, O_RDWR | O_APPEND | O_NONBLOCK);
  });
  const kind = await stat(fd);
  const close = () => fs.close(fd, () => {});
  return kind.isFile() ? { ...inThreadPool(fd, fileBatches), close } : { ...nonBlocking(fd), close };
}

/**
 * Opens a pipe or terminal a second time, for this process alone: `O_NONBLOCK` on standard output itself would apply to every process that
 * shares it.
 */
async function openStdout(): Promise<LogFile> {
  const kind = await stat(stdout);
  const shared = { ...inThreadPool(stdout, kind.isFile() ? fileBatches : 1), close() {} };
  if (kind.isFile()) return shared;
  return openPath('/proc/self/fd/1').catch(() => ({ ...shared, writeLast() {} }));
}

/** Writes in libuv's thread pool. */
function inThreadPool(fd: number, batches: number): Omit<LogFile, 'close'> {
  return {
    batches,
    write: (parts, done) => fs.writev(fd, parts, null, (error, octets = 0) => done(error, octets)),
    writeLast: (parts) => void fs.writevSync(fd, parts),
  };
}

/** Writes directly to a non-blocking descriptor; fails with EAGAIN if there is no room. */
function nonBlocking(fd: number): Omit<LogFile, 'close'> {
  const writeLast = ([only]: readonly Buffer[]) => fs.writeSync(fd, only as Buffer);
  return {
    batches: 1,
    write(parts, done) {
      let octets = 0;
      try {
        octets = writeLast(parts);
      } catch (error) {
        done(error as Error, 0);
        return;
      }
      done(null, octets);
    },
    writeLast,
  };
}
