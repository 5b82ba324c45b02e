import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { eventually } from '../../test/tools/eventually.ts';
import { listening } from '../../test/tools/listening.ts';
import { ownFolder } from '../../test/tools/own-folder.ts';
import type { Owner } from '../../test/tools/owner.ts';
import { SluiceProcess } from '../../test/tools/sluice-process.ts';

const environment = 'production';
const pollMs = 20;

/** A balancer and its gateway servers, each a process of its own on free ports, with a target. Everything ends with its owner. */
export class System {
  readonly #owner: Owner;
  readonly #folder: string;
  readonly #tokens = { SLUICE_ADMIN_TOKEN: randomBytes(16).toString('hex'), SLUICE_JOIN_TOKEN: randomBytes(16).toString('hex') };
  readonly #gateways = new Map<string, SluiceProcess>();
  #control = '';
  /** The listener for clients, as `HOST:PORT`. */
  address = '';

  constructor(owner: Owner) {
    this.#owner = owner;
    this.#folder = ownFolder(owner);
  }

  /** Starts target and balancer, and deploys a project that takes every path. */
  async start(): Promise<void> {
    const target = await startTarget(this.#owner);
    const settings = { listen: '127.0.0.1:0', exposeServer: true, health: { interval: '500ms' } };
    const config = { control: { listen: '127.0.0.1:0' }, dataDir: 'registry', environments: { [environment]: settings } };
    writeFileSync(join(this.#folder, 'sluice.json'), JSON.stringify(config));
    const balancer = this.#launch(['serve', '--config', 'sluice.json']);
    this.address = String((await balancer.logged((line) => line.msg === 'serving'))['listen']);
    this.#control = String((await balancer.logged((line) => line.msg === 'control'))['control']);
    await this.#api('POST', '/v1/projects', { name: 'site', basePath: '/', targets: { default: { url: `http://${target}` } } });
    await this.#api('PUT', `/v1/environments/${environment}/deployments/site`, {});
  }

  /** Starts a gateway server and resolves when it takes traffic. */
  async add(id: string): Promise<void> {
    this.#gateways.set(id, this.#launch(['gateway', '--join', this.#control, '--environment', environment, '--id', id]));
    await eventually(
      () => this.#api('GET', '/v1/servers') as Promise<{ id: string; state: string; health: string }[]>,
      (servers) => servers.some((server) => server.id === id && server.state === 'ready' && server.health === 'up'),
      { what: `${id} to take traffic`, everyMs: pollMs },
    );
  }

  /** Sends SIGTERM to a gateway server and resolves with its exit status. */
  async stopServer(id: string): Promise<number | null> {
    const gateway = this.#gateways.get(id);
    gateway?.signal('SIGTERM');
    return (await gateway?.ended()) ?? null;
  }

  #launch(words: readonly string[]): SluiceProcess {
    return SluiceProcess.start(this.#owner, words, { folder: this.#folder, env: this.#tokens, detached: true });
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

/** Starts a target that answers with `METHOD PATH` of the request: in the body and, because HEAD has none, in `x-asked`. */
function startTarget(owner: Owner): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    const asked = `${request.method} ${request.url}`;
    response.setHeader('x-asked', asked);
    response.setHeader('content-length', asked.length);
    response.end(asked);
  });
  server.keepAliveTimeout = 120_000;
  return listening(owner, server);
}
