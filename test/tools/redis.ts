import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { findRedis } from './find-redis.ts';
import { freePort } from './free-port.ts';
import { ownFolder } from './own-folder.ts';
import type { Owner } from './owner.ts';
import { within } from './within.ts';

/** A real redis-server that belongs to one test. */
export interface RedisServer {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it with `signal`, SIGKILL by default, and resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with the data it had saved, if it is persistent. */
  start(): Promise<void>;
  /** Sends it a signal such as SIGSTOP or SIGCONT. */
  signal(signal: NodeJS.Signals): void;
}

const running = new Set<ChildProcess>();
// Also when the test ends by an exception or by process.exit.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts redis-server on a free port of loopback. It is killed when its owner ends.
 *
 * @param options.persistent every write is on disk before it is answered; default: nothing is saved
 * @param options.sentinel a configuration file: Redis runs as Sentinel
 * @param options.args further settings, for example `['--cluster-enabled', 'yes']`
 */
export async function startRedis(
  owner: Owner,
  options: { persistent?: boolean; sentinel?: string; args?: readonly string[] } = {},
): Promise<RedisServer> {
  const { program, env } = await findRedis();
  const folder = ownFolder(owner);
  const saving = options.persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--save', ''];
  let child: ChildProcess | undefined;

  const launch = async (port: number): Promise<void> => {
    const place = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--logfile', ''];
    const kind = options.sentinel ? [options.sentinel, '--sentinel', ...place] : [...place, ...saving];
    const settings = [...kind, ...(options.args ?? [])];
    const started = spawn(program, settings, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    running.add(started);
    started.once('exit', () => running.delete(started));
    await accepts(started);
    child = started;
  };
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    // A process stopped by SIGSTOP handles no signal except SIGKILL before SIGCONT.
    if (signal !== 'SIGKILL') ending.kill('SIGCONT');
    await gone;
  };
  owner.teardown(() => stop());

  const port = await launchOnFreePort(launch);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    stop,
    start: () => launch(port),
    signal: (signal) => void child?.kill(signal),
  };
}

/** Redis cannot choose a port itself. If another process takes the free port first, it is tried on another one. */
async function launchOnFreePort(launch: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    try {
      await launch(port);
      return port;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** Resolves when Redis has logged that it accepts connections. */
async function accepts(child: ChildProcess): Promise<void> {
  const written: string[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  child.stderr?.on('data', (data) => written.push(String(data)));
  const seen = () => written.slice(-5).join(' ');
  const ready = new Promise<void>((resolve, reject) => {
    const fail = () => reject(new Error(`redis-server ended before it was ready: ${seen()}`));
    child.once('error', reject);
    child.once('exit', fail);
    lines.on('line', (line) => {
      written.push(line);
      if (/Ready to accept connections|Sentinel ID is/.test(line)) {
        child.off('exit', fail);
        resolve();
      }
    });
  });
  await within(ready, { what: 'redis-server to accept connections', seen });
}
