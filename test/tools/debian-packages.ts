import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

/** An executable, and the environment variables that it needs. */
export interface Program {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that tests need, and how to get it from the distribution. */
export interface WantedProgram {
  /** For messages, and for its folder in `.cache`. */
  readonly name: string;
  /** Names under which PATH may have it. */
  readonly commands: readonly string[];
  /** Its path in the unpacked packages. */
  readonly path: string;
  /** Environment variable that names a program to use; the value `fetch` ignores PATH. */
  readonly variable: string;
  /** Downloads its packages into a folder. */
  readonly download: (folder: string) => Promise<unknown>;
  /** Installs it on the machine, if this process runs as root; default: it is unpacked for root as well. */
  readonly install?: () => Promise<unknown>;
}

/**
 * Finds a program: the one that its variable names, else the one on PATH, else, on Debian and Ubuntu, the distribution's own, which is installed
 * or unpacked into `.cache` without root. Rejects with one line that says what to install.
 */
export async function findProgram(wanted: WantedProgram): Promise<Program> {
  const named = process.env[wanted.variable];
  if (named && named !== 'fetch') return { program: named, env: {} };
  const installed = named === 'fetch' ? undefined : await onPath(...wanted.commands);
  if (installed) return { program: installed, env: {} };
  const cache = resolve(import.meta.dirname, '../../.cache', wanted.name);
  const unpacked = await unpackedIn(cache, wanted.path);
  if (unpacked) return unpacked;
  const remedy = `install ${wanted.name}, or name a program in ${wanted.variable}`;
  const asRoot = named !== 'fetch' && process.getuid?.() === 0 ? wanted.install : undefined;
  try {
    await (asRoot ? asRoot() : unpack(cache, wanted.download));
  } catch (error) {
    throw new Error(`${wanted.name} is not on PATH, and the distribution's packages cannot be fetched (${reasonOf(error)}): ${remedy}`, {
      cause: error,
    });
  }
  const fetched = await unpackedIn(cache, wanted.path);
  if (fetched) return fetched;
  const found = asRoot && (await onPath(...wanted.commands));
  if (found) return { program: found, env: {} };
  throw new Error(`the distribution's packages were fetched, but hold no ${wanted.path}: ${remedy}`);
}

/** Prints path and version of a program that tests need, or one line that says what to install, with exit status 1. */
export async function ensureProgram(wanted: WantedProgram): Promise<void> {
  try {
    const { program, env } = await findProgram(wanted);
    const { stdout } = await run(program, ['--version'], { env: { ...process.env, ...env } });
    console.log(`${program}: ${/v=[\d.]+/.exec(stdout)?.[0] ?? stdout.trim()}`);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

/** Returns the first of these programs that is on PATH. */
export async function onPath(...names: string[]): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) if (folder !== '' && (await runnable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** Unpacks the packages that `download` fetches into `cache/root`. */
async function unpack(cache: string, download: (folder: string) => Promise<unknown>): Promise<void> {
  await mkdir(cache, { recursive: true });
  // In a folder beside it, renamed when complete: several test files may fetch at once.
  const work = await mkdtemp(`${cache}-`);
  try {
    await download(work);
    for (const deb of (await readdir(work)).filter((file) => file.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, deb), join(work, 'root')]);
    }
    await rename(join(work, 'root'), join(cache, 'root')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Returns the program at `path` below `cache/root`, with the libraries unpacked beside it; undefined if it is not there. */
async function unpackedIn(cache: string, path: string): Promise<Program | undefined> {
  const root = join(cache, 'root');
  const program = join(root, path);
  if (!(await runnable(program))) return undefined;
  const libraries = (await readdir(join(root, 'usr/lib')).catch(() => [])).filter((name) => name.includes('-linux-'));
  return { program, env: { LD_LIBRARY_PATH: libraries.map((name) => join(root, 'usr/lib', name)).join(delimiter) } };
}

/** Returns the last line that a command wrote to standard error, else the message of the error itself. */
function reasonOf(error: unknown): string | undefined {
  const { stderr, message } = error as Error & { stderr?: string };
  return String(stderr || message)
    .trim()
    .split('\n')
    .at(-1);
}

function runnable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
