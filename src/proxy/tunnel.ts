import { Agent, type ClientRequest, IncomingMessage } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { reset } from '../http1/connection/wire-socket.ts';
import { blameField } from './blame.ts';
import { httpDate } from './own-answer.ts';

/** Time limit in milliseconds for a client to read what is still on its way after the server has closed. */
const lingerMs = 30_000;

const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te'];

const blameName = blameField.toLowerCase();

/** Names of the fields that a response's Connection field lists. */
function nominatedBy(response: IncomingMessage): string[] {
  return (response.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}

/** The request in the form that http-proxy takes. */
export interface TunnelHead {
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Record<string, string | string[]>;
}

/** Callbacks of a tunnel: one of `answered`, `failed` or `aborted`, then `closed`. */
export interface TunnelOwner {
  /** Time limit in milliseconds for the server's answer, and for each silence within an answer that refuses the switch; 0: no limit. */
  readonly answerMs: number;
  /** Fields to add to the answer. */
  readonly extra: readonly (readonly [name: string, value: string])[];
  /** The server answered: 101, and the tunnel is open, or another status, and it will not switch. @param fault value of Sluice-Fault */
  answered(status: number, fault: string | undefined): void;
  /** The server did not answer. Returns the octets to answer the client with. */
  failed(why: 'reset' | 'head-timeout', reason: string): Buffer;
  /** The client left before there was an answer. */
  aborted(): void;
  /** Both connections are closed. Called once, last. */
  closed(): void;
  /** A bug ended the tunnel. */
  crashed(error: unknown): void;
}

class TunnelledRequest extends IncomingMessage {
  readonly tunnel: Tunnel;

  constructor(tunnel: Tunnel, head: TunnelHead) {
    super(new net.Socket());
    this.tunnel = tunnel;
    this.method = head.method;
    this.url = head.target;
    this.headers = head.headers as IncomingMessage['headers'];
  }
}

const proxy = httpProxy.createProxyServer({ ws: true, ignorePath: true });
// http-proxy itself lets only WebSocket pass; other protocols upgrade in the same way (RFC 9110 section 7.8).
const passes = proxy as unknown as { wsPasses: { name: string }[] };
passes.wsPasses = passes.wsPasses.filter((pass) => pass.name !== 'checkMethodAndHeader');
proxy.on('proxyReqWs', (request, incoming) => (incoming as TunnelledRequest).tunnel.requested(request, incoming.url as string));

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

/** Two connections that http-proxy joins once the server has agreed to switch protocols. An answer that refuses is passed on instead. */
export class Tunnel implements Watched {
  deadline: number;
  readonly #owner: TunnelOwner;
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  #request: ClientRequest | undefined;
  /** `answered`, `failed` or `aborted` has been called. */
  #settled = false;
  #switched = false;
  #late = false;

  /**
   * @param client connection to the client, as an ordinary stream
   * @param server new connection to the server, through TLS if it needs that
   */
  constructor(owner: TunnelOwner, client: net.Socket, server: net.Socket) {
    this.#owner = owner;
    this.#client = client;
    this.#server = server;
    this.deadline = processDeadlines.in(owner.answerMs);
    processDeadlines.watch(this);
    // Every error is followed by `close`, which is dealt with.
    client.on('error', () => {});
    server.on('error', () => {});
    client.once('close', () => this.#clientClosed());
    server.once('close', () => this.#serverClosed());
  }

  /** Sends the request. @param early octets that the client sent after its head */
  open(head: TunnelHead, early: Buffer): void {
    const agent = new Agent();
    agent.createConnection = () => this.#server as Duplex;
    const target = { protocol: 'http:', host: 'localhost', port: 80 } as unknown as string;
    try {
      withoutDeprecations(() =>
        proxy.ws(new TunnelledRequest(this, head), this.#client, early, { target, agent }, (error) => this.#failed(error.message)),
      );
      // http-proxy would pass on an answer that refuses with the framing of the original, which Node has decoded already.
      this.#request?.removeAllListeners('response').once('response', (response) => this.#refused(response));
    } catch (error) {
      this.crashed(error);
    }
  }

  /** Called by http-proxy's event once the request has been made, before it is sent. */
  requested(request: ClientRequest, target: string): void {
    this.#request = request;
    request.path = target;
    request.prependOnceListener('upgrade', (response) => {
      this.#switched = true;
      this.#answered(101);
      // http-proxy sends the fields that it finds here.
      const { upgrade } = response.headers;
      for (const name of [...hopByHop, blameName, ...nominatedBy(response), 'content-length']) delete response.headers[name];
      response.headers.connection = 'Upgrade';
      if (upgrade !== undefined) response.headers.upgrade = upgrade;
      for (const [name, value] of this.#owner.extra) response.headers[name.toLowerCase()] = value;
    });
  }

  expire(): void {
    if (this.#settled) {
      reset(this.#client);
      return;
    }
    this.#late = true;
    this.#request?.destroy(new Error('no response in time'));
  }

  crashed(error: unknown): void {
    this.#client.destroy();
    this.#owner.crashed(error);
  }

  #answered(status: number, fault?: string): void {
    this.#settled = true;
    this.deadline = 0;
    this.#owner.answered(status, fault);
  }

  /** Passes on an HTTP answer that the server gave instead of switching, then closes. */
  #refused(response: IncomingMessage): void {
    const { statusCode = 502, statusMessage, rawHeaders } = response;
    this.#answered(statusCode, response.headers[blameName] as string | undefined);
    // A 426 must say what to upgrade to (RFC 9110 section 15.5.22).
    const dropped = [...hopByHop, blameName, ...nominatedBy(response)].filter((name) => statusCode !== 426 || name !== 'upgrade');
    let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      if (!dropped.includes(name.toLowerCase())) head += `${name}: ${rawHeaders[index + 1]}\r\n`;
    }
    if (response.headers.date === undefined) head += `Date: ${httpDate()}\r\n`;
    for (const [name, value] of this.#owner.extra) head += `${name}: ${value}\r\n`;
    this.#client.write(Buffer.from(`${head}Connection: close${statusCode === 426 ? ', Upgrade' : ''}\r\n\r\n`, 'latin1'));
    response.once('error', () => reset(this.#client));
    const restartDeadline = () => {
      this.deadline = processDeadlines.in(this.#owner.answerMs);
    };
    restartDeadline();
    response.on('data', restartDeadline);
    response.pipe(this.#client);
    this.#client.resume();
  }

  #failed(reason: string): void {
    if (this.#settled || this.#client.destroyed) return;
    this.#settled = true;
    this.#client.end(this.#owner.failed(this.#late ? 'head-timeout' : 'reset', reason));
    this.#client.resume();
  }

  #clientClosed(): void {
    if (!this.#settled) {
      this.#settled = true;
      this.#owner.aborted();
    }
    processDeadlines.unwatch(this);
    this.#server.destroy();
    this.#owner.closed();
  }

  #serverClosed(): void {
    this.deadline = processDeadlines.in(lingerMs);
    if (this.#switched) this.#client.destroySoon();
  }
}
