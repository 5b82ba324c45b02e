import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));
const environment = 'production';
const pollMs = 20;
const patienceMs = 60_000;

/** A balancer and its gateway servers, each a process of its own, on free ports, with all they store in one folder. */
export class System {
  readonly #folder: string;
  readonly #tokens = { SLUICE_ADMIN_TOKEN: randomBytes(16).toString('hex'), SLUICE_JOIN_TOKEN: randomBytes(16).toString('hex') };
  readonly #gateways = new Map<string, SluiceProcess>();
  #balancer: SluiceProcess | undefined;
  #target: Server | undefined;
  #control = '';
  /** Where clients send requests to: `HOST:PORT`. */
  address = '';

  /** @param folder of its own, which the caller removes */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts target and balancer, and deploys a project that takes every path. */
  async start(): Promise<void> {
    this.#target = await startTarget();
    const settings = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '500ms' } };
    const config = { control: { listen: '127.0.0.1:0' }, dataDir: 'registry', environments: { [environment]: settings } };
    writeFileSync(join(this.#folder, 'sluice.json'), JSON.stringify(config));
    this.#balancer = this.#launch(['serve', '--config', 'sluice.json']);
    this.address = await this.#balancer.logged('serving', 'listen');
    this.#control = await this.#balancer.logged('control', 'control');
    const url = `http://127.0.0.1:${(this.#target.address() as AddressInfo).port}`;
    await this.#api('POST', '/v1/projects', { name: 'site', basePath: '/', targets: { default: { url } } });
    await this.#api('PUT', `/v1/environments/${environment}/deployments/site`, {});
  }

  /** Starts a gateway server; settles when it takes traffic. */
  async add(id: string): Promise<void> {
    this.#gateways.set(id, this.#launch(['gateway', '--join', this.#control, '--environment', environment, '--id', id]));
    const deadline = Date.now() + patienceMs;
    while (!(await this.#serves(id))) {
      if (Date.now() > deadline) throw new Error(`${id} took no traffic within ${patienceMs / 1000} s`);
      await new Promise<void>((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** SIGTERM to a gateway server; settles when it has ended, with its exit status. */
  async stopServer(id: string): Promise<number | null> {
    return (await this.#gateways.get(id)?.stop()) ?? null;
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.stop()));
    await this.#balancer?.stop();
    this.#target?.closeAllConnections();
    this.#target?.close();
  }

  #launch(words: readonly string[]): SluiceProcess {
    return new SluiceProcess(words, this.#folder, this.#tokens);
  }

  async #serves(id: string): Promise<boolean> {
    const servers = (await this.#api('GET', '/v1/servers')) as { id: string; state: string; health: string }[];
    return servers.some((server) => server.id === id && server.state === 'ready' && server.health === 'up');
  }

  async #api(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#tokens.SLUICE_ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const response = await fetch(this.#control + path, {
      method,
      headers: body === undefined ? { authorization: headers.authorization } : headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

/** A `sluice` process that goes when this one does. */
class SluiceProcess {
  readonly #process: ChildProcess;
  readonly #log: Record<string, unknown>[] = [];
  #heard: () => void = () => {};

  constructor(words: readonly string[], folder: string, env: Readonly<Record<string, string>>) {
    // A process group of its own: Ctrl-C is for the replay, which then stops everything in order.
    this.#process = spawn(process.execPath, [program, ...words], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
      env: { PATH: process.env['PATH'], ...env },
    });
    createInterface({ input: this.#process.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      this.#log.push(line.startsWith('{') ? JSON.parse(line) : { msg: line });
      this.#heard();
    });
    this.#process.once('exit', () => this.#heard());
  }

  /** Settles with what the line `message` of the log says under `key`; rejects if the process ends before it says that. */
  async logged(message: string, key: string): Promise<string> {
    for (;;) {
      const line = this.#log.find(({ msg }) => msg === message);
      if (line) return String(line[key]);
      if (!this.#runs()) throw new Error(`sluice ended at once: ${this.#log.at(-1)?.['msg'] ?? 'it said nothing'}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** SIGTERM; settles with the exit status. */
  async stop(): Promise<number | null> {
    if (this.#runs()) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await ended;
    }
    return this.#process.exitCode;
  }

  #runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }
}

/** Answers with the method and the path that reached it: in the body, and for HEAD, which has none, in `x-asked`. */
async function startTarget(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    const asked = `${request.method} ${request.url}`;
    response.setHeader('x-asked', asked);
    response.setHeader('content-length', asked.length);
    response.end(asked);
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
