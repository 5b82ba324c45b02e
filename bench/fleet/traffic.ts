import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from './scope.ts';

/** Milliseconds between two requests of {@link Traffic.flow}. */
const pauseMs = 20;
const timeoutMs = 10_000;

/** Starts what the fleet's project leads to: it answers with the path that it was asked for. @returns its URL */
export async function startEcho(scope: Scope): Promise<string> {
  const server = createServer({ keepAliveTimeout: 120_000 }, (asked, answer) => {
    asked.resume();
    answer.end(asked.url);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Requests to the balancer, each one's answer checked. */
export class Traffic {
  readonly #address: URL;
  readonly #agent = new Agent({ keepAlive: true });
  sent = 0;
  /** Of those that were not answered right, the first few; and how many there were. */
  readonly faults: string[] = [];
  failed = 0;
  #flowing: Promise<void> | undefined;
  #stop = false;

  constructor(scope: Scope, address: string) {
    this.#address = new URL(`http://${address}`);
    scope.teardown(() => this.#agent.destroy());
  }

  /** Sends that many, some at a time. @returns which servers answered */
  async send(count: number, atOnce = 8): Promise<Set<string>> {
    const servers = new Set<string>();
    let left = count;
    const client = async () => {
      while (left-- > 0) {
        const server = await this.#ask();
        if (server !== undefined) servers.add(server);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, client));
    return servers;
  }

  /** Sends one after another until {@link stop}. */
  flow(): void {
    this.#stop = false;
    const go = async () => {
      while (!this.#stop) {
        await this.#ask();
        await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    this.#flowing = go();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#flowing;
  }

  /** The server that answered; undefined if it was not answered right. */
  async #ask(): Promise<string | undefined> {
    const path = `/${++this.sent}`;
    try {
      const { status, server, body } = await this.#exchange(path);
      if (status === 200 && body === path && server !== undefined) return server;
      this.#fault(`${path}: ${status} ${body.slice(0, 100)}`);
    } catch (error) {
      this.#fault(`${path}: ${(error as Error).message}`);
    }
    return undefined;
  }

  #exchange(path: string): Promise<{ status: number | undefined; server: string | undefined; body: string }> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, path: `/fleet${path}`, timeout: timeoutMs };
      const asked = request(this.#address, options, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode, server: answer.headers['x-served-by'] as string | undefined, body }));
        answer.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
      asked.on('error', reject);
      asked.end();
    });
  }

  #fault(text: string): void {
    this.failed++;
    if (this.faults.length < 5) this.faults.push(text);
  }
}
