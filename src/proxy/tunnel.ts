import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type net from 'node:net';
import httpProxy from 'http-proxy';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { reset } from '../http1/connection/wire-socket.ts';

/** Milliseconds that one side gets to read what is still on its way after the other has closed its connection. */
const lingerMs = 30_000;

/** Owner of a tunnel: hears of its end. */
export interface TunnelOwner {
  /** Both connections are closed. Called once, last. */
  closed(): void;
  /** A bug ended the tunnel. */
  crashed(error: unknown): void;
}

/**
 * Two connections that http-proxy joins after the server has switched protocols: octets pass in both directions, and the FIN of one side
 * closes its own direction only. A reset of one side resets the other, so that a tunnel that was cut short does not look complete.
 */
export class Tunnel implements Watched {
  deadline = 0;
  readonly #owner: TunnelOwner;
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #idleMs: number;
  #open = 2;

  /**
   * @param client connection to the client, an ordinary stream to which the 101 has been written
   * @param server connection to the server, an ordinary stream from which the 101 has been read
   * @param idleMs time without octets in either direction after which the tunnel ends, in milliseconds; 0: no limit
   */
  constructor(owner: TunnelOwner, client: net.Socket, server: net.Socket, idleMs: number) {
    this.#owner = owner;
    this.#client = client;
    this.#server = server;
    this.#idleMs = idleMs;
    processDeadlines.watch(this);
    this.#follow(client, server);
    this.#follow(server, client);
    try {
      join(client, server);
    } catch (error) {
      this.crashed(error);
      return;
    }
    if (idleMs === 0) return;
    const restartDeadline = () => {
      if (this.#open === 2) this.deadline = processDeadlines.in(idleMs);
    };
    for (const socket of [client, server]) socket.on('data', restartDeadline).on('drain', restartDeadline);
    restartDeadline();
  }

  expire(): void {
    for (const socket of [this.#client, this.#server]) {
      if (socket.writableLength > 0) reset(socket);
      else socket.destroy();
    }
  }

  crashed(error: unknown): void {
    this.#client.destroy();
    this.#server.destroy();
    this.#owner.crashed(error);
  }

  #follow(socket: net.Socket, other: net.Socket): void {
    // Runs before http-proxy's own listener, which would end the other side in good order.
    socket.on('error', () => {
      if (!socket.readableEnded) reset(other);
    });
    socket.once('close', () => {
      this.#open--;
      if (this.#open === 0) {
        processDeadlines.unwatch(this);
        this.#owner.closed();
      } else if (socket.readableEnded) {
        // Octets that `other` still sends have no reader any more. They are read and dropped, because closing a connection with unread octets resets it.
        other.resume();
        this.deadline = processDeadlines.in(this.#idleMs === 0 ? lingerMs : Math.min(lingerMs, this.#idleMs));
      } else {
        reset(other);
      }
    });
  }
}

const proxy = httpProxy.createProxyServer({ ws: true });
// http-proxy itself lets only WebSocket pass; other protocols upgrade in the same way (RFC 9110 section 7.8).
const passes = proxy as unknown as { wsPasses: { name: string }[] };
passes.wsPasses = passes.wsPasses.filter((pass) => pass.name !== 'checkMethodAndHeader');
let latest: ClientRequest | undefined;
proxy.on('proxyReqWs', (request) => {
  latest = request;
});

/** Gives http-proxy's own request no connection: the request has been sent and answered. */
const noConnection = { addRequest() {} } as unknown as Agent;
const options = { target: { protocol: 'http:', host: 'localhost', port: 80 } as unknown as string, agent: noConnection };
const nothing = Buffer.alloc(0);
/** http-proxy throws errors of the connections unless it can report them; `Tunnel` listens itself. */
const errorsAreFollowed = () => {};
const switched = { method: 'GET', url: '/', headers: {} } as IncomingMessage;

/** Has http-proxy join two connections. Its part begins where the handshake has ended, so it is handed the server's agreement. */
function join(client: net.Socket, server: net.Socket): void {
  withoutDeprecations(() => proxy.ws(switched, client, nothing, options, errorsAreFollowed));
  const request = latest as ClientRequest;
  latest = undefined;
  // http-proxy begins with a response head of its own, but the client has been sent that of the server.
  client.write = () => true;
  try {
    request.emit('upgrade', { headers: {} }, server, nothing);
  } finally {
    delete (client as Partial<net.Socket>).write;
  }
}

/** Runs `run` without deprecation warnings of Node: http-proxy calls deprecated functions, and users can do nothing about that. */
function withoutDeprecations(run: () => void): void {
  const before = process.noDeprecation;
  process.noDeprecation = true;
  try {
    run();
  } finally {
    if (before === undefined) delete process.noDeprecation;
    else process.noDeprecation = before;
  }
}
