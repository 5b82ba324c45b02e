import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { findRedis } from './find-redis.ts';

/** A real redis-server of the test's own. */
export interface RedisServer {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Kills it at once (or by `signal`) and settles when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with what it had saved if it is persistent. */
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
 * Starts redis-server on a free port of the loopback; it is killed when the test ends.
 *
 * @param options.persistent every write is on disk before it is answered; default: nothing is kept
 * @param options.sentinel a configuration file, to be run as Sentinel
 * @param options.args further settings, for example `['--cluster-enabled', 'yes']`
 */
export async function startRedis(
  t: Pick<Test, 'teardown'>,
  options: { persistent?: boolean; sentinel?: string; args?: readonly string[] } = {},
): Promise<RedisServer> {
  const { server, env } = await findRedis();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
  const saving = options.persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--save', ''];
  let child: ChildProcess | undefined;

  const launch = async (port: number): Promise<void> => {
    const place = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--logfile', ''];
    const kind = options.sentinel ? [options.sentinel, '--sentinel', ...place] : [...place, ...saving];
    const settings = [...kind, ...(options.args ?? [])];
    const started = spawn(server, settings, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
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
    // A stopped process takes no other signal than this one.
    if (signal !== 'SIGKILL') ending.kill('SIGCONT');
    await gone;
  };
  t.teardown(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

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

/** Redis cannot choose a port itself: one that was free a moment ago, and another one if somebody was faster. */
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function accepts(child: ChildProcess): Promise<void> {
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  child.stderr?.on('data', (data) => said.push(String(data)));
  await new Promise<void>((resolve, reject) => {
    const fail = () => reject(new Error(`redis-server ended before it was ready: ${said.slice(-5).join(' ')}`));
    child.once('error', reject);
    child.once('exit', fail);
    lines.on('line', (line) => {
      said.push(line);
      if (/Ready to accept connections|Sentinel ID is/.test(line)) {
        child.off('exit', fail);
        resolve();
      }
    });
  });
}
