import { once } from 'node:events';
import net from 'node:net';
import type { LoggedRequest } from './access-log.ts';

/** A complete response. */
export interface Answer {
  readonly status: number;
  /** Values by lower-case name. If several fields have the same name, only the last is kept. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

const answerLimitMs = 30_000;

/**
 * A client with one connection. It writes requests itself, because Node's client does not support HTTP/1.0. HTTP/1.1 requests keep the
 * connection alive; an HTTP/1.0 request has its own.
 */
export class Client {
  readonly #host: string;
  readonly #port: number;
  #idle: net.Socket | undefined;

  constructor(address: string) {
    const colon = address.lastIndexOf(':');
    this.#host = address.slice(0, colon);
    this.#port = Number(address.slice(colon + 1));
  }

  /** Sends one request. Rejects unless a complete answer comes within 30 s. Never retries. */
  async send(request: LoggedRequest): Promise<Answer> {
    const persistent = request.version === 'HTTP/1.1';
    const socket = (persistent ? this.#idle : undefined) ?? (await this.#connect());
    if (persistent) this.#idle = undefined;
    const length = request.method === 'POST' || request.method === 'PUT' ? 'Content-Length: 0\r\n' : '';
    const head = `${request.method} ${request.target} ${request.version}\r\nHost: ${this.#host}:${this.#port}\r\n${length}\r\n`;
    const answer = await exchange(socket, head, request.method === 'HEAD');
    if (persistent && answer.fields.get('connection')?.toLowerCase() !== 'close') this.#idle = socket;
    else socket.destroy();
    return answer;
  }

  close(): void {
    this.#idle?.destroy();
  }

  async #connect(): Promise<net.Socket> {
    const socket = net.connect({ host: this.#host, port: this.#port, noDelay: true });
    await once(socket, 'connect');
    return socket
      .setEncoding('latin1')
      .setTimeout(answerLimitMs, () => socket.destroy(new Error(`no answer within ${answerLimitMs / 1000} s`)));
  }
}

function exchange(socket: net.Socket, head: string, bodyless: boolean): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const take = (piece: string) => {
      text += piece;
      const answer = answerIn(text, bodyless);
      if (answer) settle(() => resolve(answer));
    };
    const fail = (error: Error) => settle(() => reject(error));
    const closed = () => fail(new Error(`the connection was closed after ${text.length} bytes of an answer`));
    const settle = (finish: () => void) => {
      socket.off('data', take).off('error', fail).off('close', closed);
      finish();
    };
    socket.on('data', take).once('error', fail).once('close', closed);
    socket.write(head);
  });
}

/** Parses a complete answer; undefined if part of it is missing. The target sends Content-Length, which Sluice must keep. */
function answerIn(text: string, bodyless: boolean): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const fields = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const length = bodyless ? 0 : Number(fields.get('content-length'));
  const body = text.slice(end + 4);
  return body.length < length ? undefined : { status: Number(first.split(' ')[1]), fields, body };
}
