import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Patience } from './patience.ts';
import type { Scope } from './scope.ts';

const program = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));
const startMs = 30_000;

export const environment = 'production';
const adminToken = 'fleet-admin-token';
export const joinToken = 'fleet-join-token';

/** A server as the admin API shows it, as far as it matters here. */
export interface ShownServer {
  readonly id: string;
  readonly state: string;
  readonly health: string;
  readonly running: { readonly version: number } | null;
}

/** A real `sluice serve`, as it is shipped, with one environment and every setting at its default. */
export class Balancer {
  /** When each server came into rotation, by id: wall-clock milliseconds, from the balancer's own log. */
  readonly up = new Map<string, number>();
  readonly #process: ChildProcess;
  readonly #patience = new Patience();
  readonly #lastWords: string[] = [];
  /** Warnings and errors that it logged. */
  complaints = 0;
  #address = '';
  #control = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => this.#read(line));
    child.once('exit', () => this.#patience.wake());
  }

  /** Settles when it serves; it is killed at the end of `scope`. @param options.flags for Node.js, such as `--cpu-prof` */
  static async start(scope: Scope, options: { registryUrl: string | undefined; flags: readonly string[] }): Promise<Balancer> {
    if (!existsSync(program)) throw new Error('dist/sluice.mjs is not there: npm run build');
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fleet-'));
    scope.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const config = {
      control: { listen: '127.0.0.1:0' },
      ...(options.registryUrl === undefined ? {} : { registry: { url: options.registryUrl } }),
      environments: { [environment]: { listen: '127.0.0.1:0', exposeServer: true } },
    };
    writeFileSync(join(folder, 'sluice.json'), JSON.stringify(config));
    const child = spawn(process.execPath, [...options.flags, program, 'serve', '--config', 'sluice.json'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken },
    });
    const balancer = new Balancer(child);
    scope.teardown(() => balancer.#end());
    await balancer.until(
      () => balancer.#control !== '' && balancer.#address !== '',
      () => 'sluice serve is not ready',
      startMs,
    );
    return balancer;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** URL of the control address: admin API and registration endpoint. */
  get control(): string {
    return this.#control;
  }

  /** Where clients send their requests. */
  get address(): string {
    return this.#address;
  }

  /** Settles once `holds`, which is looked at whenever the balancer logs something. */
  until(holds: () => boolean, progress: () => string, limitMs: number): Promise<void> {
    const look = () => {
      const { exitCode, signalCode } = this.#process;
      if (exitCode !== null || signalCode !== null) throw new Error(`sluice serve has ended: ${this.#lastWords.join('\n')}`);
      return holds();
    };
    return this.#patience.until(look, progress, limitMs);
  }

  /** Calls the admin API; rejects unless it answers 2xx. */
  async api(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.#control + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async servers(): Promise<ShownServer[]> {
    return (await this.api('GET', `/v1/servers?environment=${environment}`)) as ShownServer[];
  }

  #read(text: string): void {
    const line = parse(text);
    if (line['msg'] === 'server up') this.up.set(String(line['server']), Date.parse(String(line['time'])));
    if (line['msg'] === 'serving') this.#address = String(line['listen']);
    if (line['msg'] === 'control') this.#control = String(line['control']);
    if (Number(line['level'] ?? 50) >= 40) this.complaints++;
    this.#lastWords.push(text);
    if (this.#lastWords.length > 5) this.#lastWords.shift();
    this.#patience.wake();
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const impatient = setTimeout(() => this.#process.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(impatient);
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}
