import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { type Problem, problemType } from '../api/problem.ts';
import type { Access } from '../model/access.ts';
import { SluiceError } from '../model/fault.ts';
import { closeSoon } from '../registry/remote/refuse-upgrade.ts';
import { TooManyGuesses } from './access/guess-limiter.ts';
import type { Identify } from './access/identify.ts';
import { refuseDataPlane } from './access/refuse-data-plane.ts';
import { refuseTwoHosts } from './access/refuse-two-hosts.ts';
import { requireAccess } from './access/require-access.ts';
import { type Feed, maxReaders } from './feed/feed.ts';
import { bearerChallenge, describeProblem } from './routes/problem.ts';

/** Serves WebSockets of one path: takes over connections after their upgrade request, and authenticates them itself. */
export interface UpgradeHandler {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all of its connections. */
  close(): Promise<void>;
}

/** Dependencies of an {@link UpgradeRouter}. */
export interface UpgradeRouterParts {
  readonly feed: Feed;
  readonly join: UpgradeHandler;
  readonly identify: Readonly<Record<Access, Identify>>;
  /** Called for each request with a token that suffices. */
  readonly admit: (request: IncomingMessage) => void;
}

/** Routes upgrade requests on the control address: WebSockets to their handler, everything else is answered without upgrading. */
export class UpgradeRouter {
  readonly #server: Server;
  readonly #feed: Feed;
  readonly #join: UpgradeHandler;
  readonly #identify: Readonly<Record<Access, Identify>>;
  readonly #admit: (request: IncomingMessage) => void;

  constructor(server: Server, handlers: UpgradeRouterParts) {
    this.#server = server;
    this.#feed = handlers.feed;
    this.#join = handlers.join;
    this.#identify = handlers.identify;
    this.#admit = handlers.admit;
    server.on('upgrade', (request, socket, head) => this.#route(request, socket, head));
  }

  /** Closes all upgraded connections. */
  async close(): Promise<void> {
    await Promise.all([this.#feed.close(), this.#join.close()]);
  }

  #route(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      this.#ignoreUpgrade(request, socket, head);
      return;
    }
    socket.on('error', () => socket.destroy());
    try {
      this.#handlerOf(request).upgrade(request, socket, head);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      const retryAfter = error instanceof TooManyGuesses ? `retry-after: ${error.retryAfter}\r\n` : '';
      refuse(socket, describeProblem(error.status, error.code, error.message), retryAfter);
    }
  }

  #handlerOf(request: IncomingMessage): Pick<UpgradeHandler, 'upgrade'> {
    refuseTwoHosts(request);
    refuseDataPlane(request.headers.via);
    const path = request.url?.split('?')[0];
    if (path === '/v1/join') {
      // The registration endpoint authenticates its clients itself; this call only counts wrong tokens.
      if (this.#identify.join(request) !== undefined) this.#admit(request);
      return this.#join;
    }
    // Checked before the path, so that a client without a token cannot distinguish unknown paths from known ones.
    requireAccess(this.#identify.admin(request), 'admin');
    this.#admit(request);
    if (path !== '/v1/events') throw new SluiceError('not-found', 'no WebSocket at this path: use /v1/join or /v1/events');
    if (this.#feed.full) throw new SluiceError('unavailable', `all ${maxReaders} live feeds are in use: close one, then try again`);
    return this.#feed;
  }

  /**
   * Answers a request without upgrading it (RFC 9110, section 7.8), as clients that offer `h2c` with every request expect. Node has already
   * detached the socket from its HTTP server, so the head, without its `Upgrade` field, is put back and the socket is handed in again. The
   * server adds its listeners to the socket again then, so this is done once for a connection, which closes after the answer.
   */
  #ignoreUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fields = request.rawHeaders.flatMap((name, index, all) => {
      if (index % 2 === 1 || /^(?:upgrade|connection)$/i.test(name)) return [];
      return `${name}: ${all[index + 1]}\r\n`;
    });
    socket.unshift(
      Buffer.concat([
        Buffer.from(`${request.method} ${request.url} HTTP/1.1\r\n${fields.join('')}connection: close\r\n\r\n`, 'latin1'),
        head,
      ]),
    );
    this.#server.emit(this.#server instanceof TlsServer ? 'secureConnection' : 'connection', socket);
  }
}

function refuse(socket: Duplex, problem: Problem, retryAfter: string): void {
  const body = JSON.stringify(problem);
  const signIn = problem.status === 401 ? `www-authenticate: ${bearerChallenge}\r\n` : '';
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\ncache-control: no-store\r\n${signIn}${retryAfter}connection: close\r\n\r\n${body}`,
  );
  closeSoon(socket);
}
