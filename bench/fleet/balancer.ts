import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Condition } from '../../test/tools/condition.ts';
import type { Owner } from '../../test/tools/owner.ts';
import type { Wait } from '../../test/tools/within.ts';

const program = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));
const startLimitMs = 30_000;

export const environment = 'production';
const adminToken = 'fleet-admin-token';
export const joinToken = 'fleet-join-token';

/** The part of the admin API's answer on a server that matters here. */
export interface ShownServer {
  readonly id: string;
  readonly state: string;
  readonly health: string;
  readonly running: { readonly version: number } | null;
}

/** A real `sluice serve` as it is shipped, with one environment and default settings. */
export class Balancer {
  /** Time at which each server came into rotation, by id: wall-clock milliseconds from the balancer's own log. */
  readonly up = new Map<string, number>();
  readonly #process: ChildProcess;
  readonly #changed = new Condition();
  readonly #lastLines: string[] = [];
  #address = '';
  #control = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => this.#read(line));
    child.once('exit', () => this.#changed.notify());
  }

  /**
   * Starts it and resolves when it serves. It is ended with its owner.
   *
   * @param options.flags for Node.js, such as `--cpu-prof`
   */
  static async start(owner: Owner, options: { registryUrl: string | undefined; flags: readonly string[] }): Promise<Balancer> {
    if (!existsSync(program)) throw new Error('dist/sluice.mjs is missing: run "npm run build" first');
    const folder = mkdtempSync(join(tmpdir(), 'sluice-fleet-'));
    owner.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
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
    owner.teardown(() => balancer.#end());
    await balancer.until(() => balancer.#control !== '' && balancer.#address !== '', {
      what: 'sluice serve to be ready',
      seen: () => balancer.#lastLines,
      limitMs: startLimitMs,
    });
    return balancer;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** URL of the admin API and the registration endpoint. */
  get control(): string {
    return this.#control;
  }

  /** The listener for clients, as `HOST:PORT`. */
  get address(): string {
    return this.#address;
  }

  /** Resolves when `holds`, which is checked after each line that the balancer logs. Rejects if the balancer ends. */
  async until(holds: () => boolean, wait: Wait): Promise<void> {
    await this.#changed.until(() => {
      const { exitCode, signalCode } = this.#process;
      if (exitCode !== null || signalCode !== null) throw new Error(`sluice serve has ended: ${this.#lastLines.join('\n')}`);
      return holds();
    }, wait);
  }

  /** Calls the admin API. Rejects unless the answer is 2xx. */
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
    this.#lastLines.push(text);
    if (this.#lastLines.length > 5) this.#lastLines.shift();
    this.#changed.notify();
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(timer);
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}
