import { Agent, type ClientRequest, IncomingMessage } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { processDeadlines, type Watched } from '../http1/connection/deadlines.ts';
import { reset } from '../http1/connection/wire-socket.ts';
import { httpDate } from './own-answer.ts';

/** Octets still on their way to a client whose server has gone get this long. */
const lingerMs = 30_000;

const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te'];

/** The fields that a response's Connection names. */
function nominatedBy(response: IncomingMessage): string[] {
  return (response.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}

/** The request as http-proxy takes it. */
export interface TunnelHead {
  readonly method: string;
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Record<string, string | string[]>;
}

/** Who is told what becomes of a tunnel. */
export interface TunnelOwner {
  /** For how long the server may think about the switch, and be silent within an answer that refuses it, in milliseconds; 0: no limit. */
  readonly answerMs: number;
  /** Complete lines that go with the answer, each a name and a value. */
  readonly extra: readonly (readonly [name: string, value: string])[];
  /** The server answered: 101, and the tunnel stands, or that it will not switch. */
  answered(status: number): void;
  /** There is no answer; what to send to the client, which is still there unless `aborted`. */
  failed(why: 'reset' | 'head-timeout' | 'aborted', reason: string): Buffer;
  /** Both connections are gone. Called once, last. */
  closed(): void;
  /** A bug met the tunnel, which has ended. */
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
proxy.on('proxyReqWs', (request, incoming) => (incoming as TunnelledRequest).tunnel.asked(request, incoming.url as string));

/** Two connections that http-proxy joins once the server has agreed to switch protocols; an answer that refuses is passed on instead. */
export class Tunnel implements Watched {
  deadline: number;
  readonly #owner: TunnelOwner;
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  #request: ClientRequest | undefined;
  #answered = false;
  #switched = false;
  #late = false;

  /** @param client its connection, as an ordinary stream @param server a new connection, through TLS where that is wanted */
  constructor(owner: TunnelOwner, client: net.Socket, server: net.Socket) {
    this.#owner = owner;
    this.#client = client;
    this.#server = server;
    this.deadline = processDeadlines.in(owner.answerMs);
    processDeadlines.watch(this);
    // Whatever goes wrong shows as `close` too.
    client.on('error', () => {});
    server.on('error', () => {});
    client.once('close', () => this.#clientClosed());
    server.once('close', () => this.#serverClosed());
  }

  /** @param early octets that the client sent after its head */
  open(head: TunnelHead, early: Buffer): void {
    const agent = new Agent();
    agent.createConnection = () => this.#server as Duplex;
    const target = { protocol: 'http:', host: 'localhost', port: 80 } as unknown as string;
    try {
      proxy.ws(new TunnelledRequest(this, head), this.#client, early, { target, agent }, (error) => this.#failed(error.message));
      // http-proxy would send an answer that refuses on with a framing that Node has taken off already.
      this.#request?.removeAllListeners('response').once('response', (response) => this.#refused(response));
    } catch (error) {
      this.crashed(error);
    }
  }

  /** http-proxy has put the request together. */
  asked(request: ClientRequest, target: string): void {
    this.#request = request;
    request.path = target;
    request.prependOnceListener('upgrade', (response) => {
      this.#switched = true;
      this.#answer(101);
      // http-proxy sends the fields on as they are.
      const { upgrade } = response.headers;
      for (const name of [...hopByHop, ...nominatedBy(response), 'content-length']) delete response.headers[name];
      response.headers.connection = 'Upgrade';
      if (upgrade !== undefined) response.headers.upgrade = upgrade;
      for (const [name, value] of this.#owner.extra) response.headers[name.toLowerCase()] = value;
    });
  }

  expire(): void {
    if (this.#answered) {
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

  #answer(status: number): void {
    this.#answered = true;
    this.deadline = 0;
    this.#owner.answered(status);
  }

  /** The server answers in HTTP instead of switching: until its end, and the connection closes. */
  #refused(response: IncomingMessage): void {
    const { statusCode = 502, statusMessage, rawHeaders } = response;
    this.#answer(statusCode);
    // A 426 must say what to upgrade to (RFC 9110 section 15.5.22).
    const dropped = [...hopByHop, ...nominatedBy(response)].filter((name) => statusCode !== 426 || name !== 'upgrade');
    let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      if (!dropped.includes(name.toLowerCase())) head += `${name}: ${rawHeaders[index + 1]}\r\n`;
    }
    if (response.headers.date === undefined) head += `Date: ${httpDate()}\r\n`;
    for (const [name, value] of this.#owner.extra) head += `${name}: ${value}\r\n`;
    this.#client.write(Buffer.from(`${head}Connection: close${statusCode === 426 ? ', Upgrade' : ''}\r\n\r\n`, 'latin1'));
    response.once('error', () => reset(this.#client));
    const goesOn = () => {
      this.deadline = processDeadlines.in(this.#owner.answerMs);
    };
    goesOn();
    response.on('data', goesOn);
    response.pipe(this.#client);
    this.#client.resume();
  }

  #failed(reason: string): void {
    if (this.#answered || this.#client.destroyed) return;
    this.#answered = true;
    this.#client.end(this.#owner.failed(this.#late ? 'head-timeout' : 'reset', reason));
    this.#client.resume();
  }

  #clientClosed(): void {
    if (!this.#answered) {
      this.#answered = true;
      this.#owner.failed('aborted', 'the client is gone');
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
