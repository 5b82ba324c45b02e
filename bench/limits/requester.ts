import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One request: milliseconds at which it was written and answered, and its status; 0: it was broken off. */
export interface Sent {
  readonly sentAt: number;
  answeredAt: number;
  status: number;
}

/** Sends the same request again and again, over connections that are kept. Requests that find none free wait in order. */
export class Requester {
  readonly sent: Sent[] = [];
  readonly #text: string;
  readonly #now: () => number;
  readonly #free: Socket[] = [];
  readonly #sockets: Socket[] = [];
  #waiting = 0;
  #open = 0;

  private constructor(text: string, now: () => number) {
    this.#text = text;
    this.#now = now;
  }

  static async open(url: URL, fields: Readonly<Record<string, string>>, now: () => number, connections = 60): Promise<Requester> {
    const lines = Object.entries({ host: url.host, ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
    const requester = new Requester(`GET ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n`, now);
    await Promise.all(Array.from({ length: connections }, () => requester.#connect(url)));
    return requester;
  }

  /** Requests that were not answered yet. */
  get open(): number {
    return this.#open + this.#waiting;
  }

  send(): void {
    const socket = this.#free.pop();
    if (socket === undefined) this.#waiting++;
    else this.#write(socket);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(url: URL): Promise<void> {
    const socket = connect(Number(url.port), url.hostname);
    await once(socket.setNoDelay(true), 'connect');
    this.#sockets.push(socket);
    this.#free.push(socket);
  }

  #write(socket: Socket): void {
    const entry: Sent = { sentAt: this.#now(), answeredAt: 0, status: 0 };
    this.sent.push(entry);
    this.#open++;
    let text = '';
    const ended = () => {
      socket.off('data', read).off('close', ended);
      entry.answeredAt = this.#now();
      this.#open--;
      if (socket.destroyed) return;
      if (this.#waiting > 0) {
        this.#waiting--;
        this.#write(socket);
      } else this.#free.push(socket);
    };
    const read = (part: Buffer) => {
      text += part.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1 || text.length < end + 4 + Number(/^content-length: *(\d+)/im.exec(text)?.[1])) return;
      entry.status = Number(text.slice(9, 12));
      ended();
    };
    socket.on('data', read).once('close', ended);
    socket.write(this.#text);
  }
}
