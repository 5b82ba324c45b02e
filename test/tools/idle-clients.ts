import net from 'node:net';
import type { Owner } from './owner.ts';

/** Clients that connect, send one request or none, and then keep their connections open without using them. */
export class IdleClients {
  /** Connections that the other side has closed. */
  closed = 0;
  /** First lines of the answers. */
  readonly answers: string[] = [];
  readonly #sockets = new Set<net.Socket>();

  constructor(owner: Owner) {
    owner.teardown(() => this.end());
  }

  /** Connects so many more; resolves when each is connected and, if it sent a `request`, has an answer or is closed. */
  async add(count: number, address: string, request = ''): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#connect(address, request)));
  }

  get open(): number {
    return this.#sockets.size;
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(address: string, request: string): Promise<void> {
    const [host, port] = address.split(':');
    const socket = net.connect({ host: host as string, port: Number(port) });
    this.#sockets.add(socket);
    return new Promise((resolve) => {
      socket.on('connect', () => {
        if (request === '') resolve();
        else socket.write(request);
      });
      socket.once('data', (octets) => {
        if (request === '') return;
        this.answers.push(octets.toString('latin1').split('\r\n', 1)[0] as string);
        resolve();
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.closed++;
        resolve();
      });
    });
  }
}
