import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { smallAnswer } from './workloads.ts';

/** Response bodies by path. */
export const bodies: Readonly<Record<string, Buffer>> = {
  '/': Buffer.from(smallAnswer),
  '/16k': pattern(16_384),
  '/1m': pattern(1_048_576),
};

export const entityTag = '"sluice-bench-1"';

/** Upstream servers of the correctness check. They record the requests of a contender. */
export class Origins {
  /** Header fields of the last request for `/seen`. */
  seen: Readonly<IncomingMessage['headers']> = {};
  /** Connections with a request for `/seen`. */
  readonly connections = new Set<Socket>();
  /** Indexes of the servers that got a request for `/seen`. */
  readonly reached = new Set<number>();
  readonly #servers: Server[] = [];

  /** Starts three servers and resolves with their ports. */
  async start(): Promise<readonly number[]> {
    for (let index = 0; index < 3; index++) {
      const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => this.#answer(index, request, response));
      this.#servers.push(server.listen(0, '127.0.0.1'));
      await once(server, 'listening');
    }
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  stop(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  #answer(index: number, request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    const status = Number(/^\/status\/(\d{3})$/.exec(path)?.[1] ?? 0);
    if (path === '/echo') {
      const length = request.headers['content-length'];
      response.writeHead(200, { 'content-type': 'application/octet-stream', ...(length && { 'content-length': length }) });
      request.pipe(response);
    } else if (path === '/seen') {
      this.seen = request.headers;
      this.connections.add(request.socket);
      this.reached.add(index);
      response.writeHead(200, { 'content-length': 2, 'set-cookie': ['a=1', 'b=2'] }).end('ok');
    } else if (status > 0) {
      response.writeHead(status, { 'content-length': 6 }).end('status');
    } else if (path === '/cached' && request.headers['if-none-match'] === entityTag) {
      response.writeHead(304, { etag: entityTag }).end();
    } else {
      const body = bodies[path] ?? Buffer.alloc(0);
      response.writeHead(bodies[path] ? 200 : 404, { 'content-length': body.length, etag: entityTag }).end(body);
    }
  }
}

/** Pseudo-random octets, in which pieces out of order do not go unnoticed. */
export function pattern(length: number): Buffer {
  const octets = Buffer.alloc(length);
  for (let index = 0, state = 1; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    octets[index] = state >>> 24;
  }
  return octets;
}
