import net from 'node:net';

/** A request as the lenient server understood it. */
export interface Heard {
  readonly line: string;
  readonly fields: string;
}

/**
 * A server that takes everything that some server somewhere takes: bare line feeds, the last of several lengths, `chunked` anywhere in any
 * spelling. If Sluice forwards octets of one request that such a server reads as two, the second one is smuggled. It answers each request
 * with the request's target as body.
 */
export class LenientServer {
  readonly #server = net.createServer({ noDelay: true }, (socket) => this.#serve(socket));
  readonly #sockets = new Set<net.Socket>();
  readonly #heard: (request: Heard) => void;

  constructor(heard: (request: Heard) => void) {
    this.#heard = heard;
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: net.Socket): void {
    let text = '';
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    socket.on('data', (octets) => {
      text += octets.toString('latin1');
      for (let end = this.#read(socket, text); end > 0; end = this.#read(socket, text)) text = text.slice(end);
    });
  }

  /** Answers the first request of `text`. Returns its length; 0: it is not complete. */
  #read(socket: net.Socket, text: string): number {
    const begin = /^[\r\n]*/.exec(text)?.[0].length ?? 0;
    const blank = /\r?\n\r?\n/.exec(text.slice(begin));
    if (blank === null) return 0;
    const head = text.slice(begin, begin + blank.index);
    const start = begin + blank.index + blank[0].length;
    const length = bodyLength(head, text.slice(start));
    if (length === undefined) return 0;
    const [line = '', ...fields] = head.split(/\r?\n/);
    this.#heard({ line, fields: fields.join('\n') });
    const target = line.split(/\s+/)[1] ?? '';
    const body = /^HEAD\b/.test(line) ? '' : target;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${body}`, 'latin1');
    return start + length;
  }
}

/** Length of the framed body; undefined if it is not complete. */
function bodyLength(head: string, rest: string): number | undefined {
  if (!/^transfer-encoding\s*:.*chunked/im.test(head)) {
    const length = [...head.matchAll(/^content-length\s*:\s*"?\+?(\d+)/gim)].map(([, digits]) => Number(digits)).at(-1) ?? 0;
    return rest.length < length ? undefined : length;
  }
  let at = 0;
  for (;;) {
    const line = /^[^\n]*\n/.exec(rest.slice(at))?.[0];
    if (line === undefined) return undefined;
    const size = Number.parseInt(line, 16) || 0;
    at += line.length;
    if (size > 0) at += size + (rest[at + size] === '\r' ? 2 : 1);
    else {
      const end = /^(?:[^\r\n][^\n]*\n)*\r?\n/.exec(rest.slice(at))?.[0];
      return end === undefined ? undefined : at + end.length;
    }
    if (at > rest.length) return undefined;
  }
}
