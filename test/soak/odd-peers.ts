import net from 'node:net';
import type { Random } from '../../src/model/clock.ts';

const body = 'x'.repeat(200);

/** Actions of a server on a request, equally likely. */
const serverActions: readonly ((socket: net.Socket) => void)[] = [
  (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  (socket) => socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc8\r\n${body}\r\n0\r\n\r\n`),
  (socket) =>
    socket.write(`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () => socket.end()),
  (socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${body}`),
  (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n${body}`),
  (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n'),
  (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokpoison'),
  (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${300_000}\r\n\r\n${'x'.repeat(300_000)}`),
  (socket) => socket.write('not http\r\n\r\n'),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
  () => {},
  (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Le'),
  (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: soak\r\n\r\nhello'),
  (socket) => socket.write('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'),
];

/** Texts that a client may send, equally likely. An upgrade request may become a tunnel. */
const clientTexts: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello',
  `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`,
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz',
  'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  'GET / HTTP/1.1\r\nHos',
  'garbage\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: soak\r\n\r\n',
];

/** A server that misbehaves on most requests. */
export class OddServer {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(random: Random) {
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      socket.on('data', (octets) => {
        if (!octets.includes('HTTP/1.1\r\n') || socket.destroyed || socket.writableEnded) return;
        serverActions[Math.floor(random() * serverActions.length)]?.(socket);
      });
      socket.on('end', () => socket.end());
    });
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Runs a client that sends one text, reads for a while or not at all, and closes in one of several ways. Resolves when it has closed. */
export function oddClient(address: string, random: Random): Promise<void> {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  const socket = net.connect({ port, host: '127.0.0.1' });
  const text = clientTexts[Math.floor(random() * clientTexts.length)] as string;
  const manner = random();
  return new Promise((resolve) => {
    const leave = setTimeout(() => (manner < 0.5 ? socket.resetAndDestroy() : socket.destroy()), 5 + random() * 100);
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(leave);
      resolve();
    });
    socket.once('connect', () => {
      if (random() < 0.2) {
        const cut = Math.floor(random() * text.length);
        socket.write(text.slice(0, cut));
        setImmediate(() => socket.destroyed || socket.write(text.slice(cut)));
      } else socket.write(text);
      if (manner < 0.1) socket.pause();
      else socket.resume();
      if (manner > 0.8) socket.end();
    });
  });
}
