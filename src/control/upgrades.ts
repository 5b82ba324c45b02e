import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Problem, problemType } from '../api/problem.ts';
import type { Access } from '../model/access.ts';
import { SluiceError } from '../model/fault.ts';
import { admit, type Identify } from './access/access.ts';
import { TooManyGuesses } from './access/guesses.ts';
import type { Feed } from './feed/feed.ts';
import { describeProblem } from './problem.ts';

/** Takes over connections that ask for an upgrade, and lets in whom it likes itself. */
export interface UpgradeHandler {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends all of its connections. */
  close(): Promise<void>;
}

/** Sends upgrades on the control's port where they belong; answers the rest. Closes what was upgraded with it. */
export class Upgrades {
  readonly #server: Server;
  readonly #feed: Feed;
  readonly #join: UpgradeHandler;
  readonly #identify: Readonly<Record<Access, Identify>>;

  constructor(server: Server, handlers: { feed: Feed; join: UpgradeHandler; identify: Readonly<Record<Access, Identify>> }) {
    this.#server = server;
    this.#feed = handlers.feed;
    this.#join = handlers.join;
    this.#identify = handlers.identify;
    server.on('upgrade', (request, socket, head) => this.#route(request, socket, head));
  }

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
      const later = error instanceof TooManyGuesses ? `retry-after: ${error.retryAfter}\r\n` : '';
      refuse(socket, describeProblem(error.status, error.code, error.message), later);
    }
  }

  #handlerOf(request: IncomingMessage): Pick<UpgradeHandler, 'upgrade'> {
    const path = request.url?.split('?')[0];
    if (path === '/v1/join') {
      // It lets in by itself; here only guesses are counted.
      this.#identify.join(request);
      return this.#join;
    }
    // Without a token, unknown paths look like known ones.
    admit(this.#identify.admin(request), 'admin');
    if (path !== '/v1/events') throw new SluiceError('not-found', 'nothing to upgrade to here: there are /v1/join and /v1/events');
    if (this.#feed.full) throw new SluiceError('unavailable', 'as many live feeds are open as may be: close one');
    return this.#feed;
  }

  /**
   * Answers without upgrading (RFC 9110, section 7.8), as clients that offer `h2c` with each request expect: Node has let go of the
   * connection by now, so it is given back with the head as it was, but for the offer.
   */
  #ignoreUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fields = request.rawHeaders.flatMap((name, index, all) => {
      if (index % 2 === 1 || name.toLowerCase() === 'upgrade') return [];
      return `${name}: ${all[index + 1]}\r\n`;
    });
    socket.unshift(Buffer.concat([Buffer.from(`${request.method} ${request.url} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1'), head]));
    this.#server.emit('connection', socket);
  }
}

function refuse(socket: Duplex, problem: Problem, more: string): void {
  const body = JSON.stringify(problem);
  const signIn = problem.status === 401 ? 'www-authenticate: Bearer realm="sluice"\r\n' : '';
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${signIn}${more}connection: close\r\n\r\n${body}`,
  );
}
