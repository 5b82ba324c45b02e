import net from 'node:net';
import { Condition } from '../tools/condition.ts';
import { within } from '../tools/within.ts';

/** One HTTP message as it came over the wire; names in lower case. */
export interface Message {
  readonly line: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The lines after the last chunk, if the body is chunked. */
  readonly trailers: string;
  /** The whole text. */
  readonly raw: string;
}

/** One end of a TCP connection that the test controls. */
export class Peer {
  readonly socket: net.Socket;
  /** Received text that the test has not taken yet, as Latin-1. */
  text = '';
  /** The other side has sent its FIN. */
  ended = false;
  /** The end of the connection: undefined while it is open, else in good order or by a reset. */
  over: 'fin' | 'reset' | undefined;
  readonly #changed = new Condition();

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (octets) => {
      this.text += octets.toString('latin1');
      this.#changed.notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#changed.notify();
    });
    socket.on('error', () => {
      this.over = 'reset';
    });
    socket.on('close', () => {
      this.over ??= 'fin';
      this.#changed.notify();
    });
  }

  /** Connects a client to `address`. */
  static async to(address: string): Promise<Peer> {
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const peer = new Peer(socket);
    const connected = new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    await within(connected, { what: `a connection to ${address}`, seen: () => socket.readyState });
    return peer;
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Sends, and waits until the operating system has taken the octets. */
  sent(text: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, () => resolve()));
  }

  /** Sends a FIN; still reads. */
  end(): void {
    this.socket.end();
  }

  /** Sends a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves with the first answer that is not undefined. Rejects if the connection ends without one. */
  async until<Answer>(what: string, look: () => Answer | undefined): Promise<Answer> {
    const seen = () => JSON.stringify(this.text.slice(0, 600));
    return this.#changed.until(
      () => {
        const answer = look();
        if (answer !== undefined) return answer;
        if (this.over !== undefined) throw new Error(`waited for ${what}, but the connection ended (${this.over}); last seen: ${seen()}`);
      },
      { what, seen },
    );
  }

  /** Waits for this text, and takes everything up to its end. */
  take(text: string): Promise<string> {
    return this.until(JSON.stringify(text), () => {
      const at = this.text.indexOf(text);
      if (at < 0) return undefined;
      const taken = this.text.slice(0, at + text.length);
      this.text = this.text.slice(at + text.length);
      return taken;
    });
  }

  /** Takes one head. */
  async head(): Promise<Message> {
    const raw = await this.take('\r\n\r\n');
    const [line = '', ...lines] = raw.slice(0, -4).split('\r\n');
    const fields = lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()] as const);
    return { line, fields, body: '', trailers: '', raw };
  }

  /** Takes one message with its body. The body of a response without a framing field ends with the connection. */
  async message(): Promise<Message> {
    const head = await this.head();
    const length = field(head, 'content-length');
    if (field(head, 'transfer-encoding') === 'chunked') return this.#chunked(head);
    if (length !== undefined) return { ...head, body: await this.#octets(Number(length)) };
    if (!head.line.startsWith('HTTP/') || /^HTTP\/1\.\d (1|204|304)/.test(head.line)) return head;
    return { ...head, body: await this.rest() };
  }

  /** Takes everything up to the end of the connection, which must be a FIN. */
  rest(): Promise<string> {
    return this.until('a FIN', () => {
      if (!this.ended || this.over === 'reset') return undefined;
      const taken = this.text;
      this.text = '';
      return taken;
    });
  }

  /** Waits for the end of the connection: a FIN from the other side, or a reset. */
  closed(): Promise<'fin' | 'reset'> {
    return this.until('the end', () => this.over ?? (this.ended ? 'fin' : undefined));
  }

  async #chunked(head: Message): Promise<Message> {
    let body = '';
    for (;;) {
      const size = Number.parseInt(await this.take('\r\n'), 16);
      if (Number.isNaN(size)) throw new Error('not a chunk size');
      if (size === 0) break;
      body += await this.#octets(size);
      if ((await this.take('\r\n')) !== '\r\n') throw new Error('a chunk is longer than its size');
    }
    let trailers = '';
    for (let line = await this.take('\r\n'); line !== '\r\n'; line = await this.take('\r\n')) trailers += line;
    return { ...head, body, trailers };
  }

  #octets(count: number): Promise<string> {
    return this.until(`${count} octets`, () => {
      if (this.text.length < count) return undefined;
      const taken = this.text.slice(0, count);
      this.text = this.text.slice(count);
      return taken;
    });
  }
}

/** The value of a field, several lines joined by `, `. */
export function field(message: Message, name: string): string | undefined {
  const values = message.fields.filter(([other]) => other === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** The status of a response. */
export function statusOf(message: Message): number {
  return Number(message.line.split(' ')[1]);
}
