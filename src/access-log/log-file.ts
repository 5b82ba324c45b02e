import fs from 'node:fs';
import { promisify } from 'node:util';
import { SluiceError } from '../model/fault.ts';

/** Where lines are appended. */
export interface LogFile {
  /** Batches of at most {@link batchOctets} that nobody else's writing gets in between of when they are written as one. */
  readonly batches: number;
  /** Writes batches as one, at once or later; `done` gets how many octets were written. */
  write(batches: readonly Buffer[], done: (error: Error | null, octets: number) => void): void;
  /** The same for a process that is about to end, as far as it takes no waiting. Throws the system's error. */
  writeLast(batches: readonly Buffer[]): void;
  close(): void;
}

/** What Linux keeps whole in a pipe that several processes write to (pipe(7); POSIX asks for 512 octets). */
export const batchOctets = 4096;
/** So many at a time make a system call cheap a line; a file keeps any number whole. */
const fileBatches = 16;

const open = promisify(fs.open);
const stat = promisify(fs.fstat);
const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, O_WRONLY } = fs.constants;
const mode = 0o640;
const stdout = 1;

/**
 * Opens `path` to append to it, creating the file if there is none (mode 0640); undefined: this process' standard output.
 * Rejects with a `SluiceError` (`unavailable`) that names the reason and the remedy.
 *
 * Files are written by another thread, since a disk may take its time. Pipes and terminals are opened so that writing to them never
 * waits. What can only be waited for (a socket, or a pipe that belongs to somebody else) is left to the other thread too.
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
  ENOENT: 'there is no such folder: create it, or give another accessLog.path',
  ENOTDIR: 'a part of it is no folder: give another accessLog.path',
  EISDIR: 'it is a folder: give a file in it as accessLog.path',
  EACCES: "this process' user may not write there: change its permissions, or give another accessLog.path",
  EROFS: 'the file system is read-only: give another accessLog.path',
};

async function openPath(path: string): Promise<LogFile> {
  // A FIFO that nobody reads can be opened without waiting only if for reading, too.
  const fd = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENXIO') throw error;
    return open(path, O_RDWR | O_APPEND | O_NONBLOCK);
  });
  const kind = await stat(fd);
  const close = () => fs.close(fd, () => {});
  return kind.isFile() ? { ...slow(fd, fileBatches), close } : { ...prompt(fd), close };
}

/** Standard output is shared, and so is whether writing to it waits: a pipe or terminal is opened once more, for this process alone. */
async function openStdout(): Promise<LogFile> {
  const kind = await stat(stdout);
  const shared = { ...slow(stdout, kind.isFile() ? fileBatches : 1), close() {} };
  if (kind.isFile()) return shared;
  return openPath('/proc/self/fd/1').catch(() => ({ ...shared, writeLast() {} }));
}

/** Written by another thread. */
function slow(fd: number, batches: number): Omit<LogFile, 'close'> {
  return {
    batches,
    write: (parts, done) => fs.writev(fd, parts, null, (error, octets = 0) => done(error, octets)),
    writeLast: (parts) => void fs.writevSync(fd, parts),
  };
}

/** Written at once, or not: EAGAIN. */
function prompt(fd: number): Omit<LogFile, 'close'> {
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
