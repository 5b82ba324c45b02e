import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Owner } from '../../test/tools/owner.ts';
import { pause } from '../../test/tools/pause.ts';

/** Milliseconds between two requests of {@link Traffic.flow}. */
const pauseMs = 20;
const timeoutMs = 10_000;

/** Starts the target of the fleet's project, which answers with the path of the request. @returns its URL */
export async function startEcho(owner: Owner): Promise<string> {
  const server = createServer({ keepAliveTimeout: 120_000 }, (asked, answer) => {
    asked.resume();
    answer.end(asked.url);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends requests to the balancer and checks each answer. */
export class Traffic {
  readonly #address: URL;
  readonly #agent = new Agent({ keepAlive: true });
  sent = 0;
  /** Number of requests without the right answer. */
  failed = 0;
  /** The first few of them. */
  readonly faults: string[] = [];
  #flowing: Promise<void> | undefined;
  #stop = false;

  constructor(owner: Owner, address: string) {
    this.#address = new URL(`http://${address}`);
    owner.teardown(() => this.#agent.destroy());
  }

  /** Sends `count` requests, several at a time. @returns the servers that answered */
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

  /** Sends one request after another until {@link stop}. */
  flow(): void {
    this.#stop = false;
    const go = async () => {
      while (!this.#stop) {
        await this.#ask();
        await pause(pauseMs);
      }
    };
    this.#flowing = go();
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#flowing;
  }

  /** Sends a request. @returns the server that answered, or undefined if the answer was wrong */
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
      asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      asked.on('error', reject);
      asked.end();
    });
  }

  #fault(text: string): void {
    this.failed++;
    if (this.faults.length < 5) this.faults.push(text);
  }
}
