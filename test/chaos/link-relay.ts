import { connect, createServer, type Socket } from 'node:net';
import { protocol } from '../../src/link/opening.ts';
import { listening } from '../tools/listening.ts';
import type { Owner } from '../tools/owner.ts';

/** Ways in which a link is lost: its connection is reset, is closed in the middle of a frame of the one or the other end, or carries nothing any more. */
export type Cut = 'reset' | 'closed towards the balancer' | 'closed towards the server' | 'silent';

/**
 * What happens to connections that are to become links. `reset`: they are lost. The others are programs of another version: a balancer that asks for
 * another version of the link, a server that agrees to another one, and a server that knows no links.
 */
export type Openings = 'pass' | 'reset' | 'asked for another version' | 'answered in another version' | 'unknown to the server';

const otherProtocol = protocol.replace(/\d+$/, (version) => `${Number(version) + 1}`);
const linkRequest = /^GET \/\.sluice\/link HTTP/;
/** So many octets before the end of what was sent at a time, a connection is closed: within a header, or among the octets of a stream. */
const shortOf = [1, 5, 20];

/** One connection through a relay. */
interface Line {
  readonly near: Socket;
  readonly far: Socket;
  /** The server has agreed: it is a link. */
  isLink: boolean;
  isSilent: boolean;
  /** The end that gets a part of what comes next, and then the end of the connection. */
  closing: Socket | undefined;
  readonly over: Promise<void>;
}

/** Relays the connections of balancers to one gateway server. Connections that carry HTTP/1.1 pass; those that are links can be cut. */
export class LinkRelay {
  readonly port: number;
  openings: Openings = 'pass';
  /** Links that were asked for and not had, by what happened to them. */
  readonly refused = new Map<Openings, number>();
  readonly #lines: Set<Line>;
  #closes = 0;

  private constructor(port: number, lines: Set<Line>) {
    this.port = port;
    this.#lines = lines;
  }

  /** @param port where the server listens, or will listen */
  static async start(owner: Owner, port: number): Promise<LinkRelay> {
    const lines = new Set<Line>();
    let relay: LinkRelay | undefined;
    const server = createServer({ allowHalfOpen: true }, (near) => {
      relay?.carry(near, connect({ host: '127.0.0.1', port, allowHalfOpen: true }));
    });
    const address = await listening(owner, server);
    owner.teardown(() => {
      for (const { far } of lines) far.destroy();
    });
    relay = new LinkRelay(Number(address.split(':')[1]), lines);
    return relay;
  }

  /** Links that carry what is sent. */
  get links(): number {
    return [...this.#lines].filter(({ isLink, isSilent }) => isLink && !isSilent).length;
  }

  /** Cuts the links that are open. Resolves when both ends of each have closed it; of silent ones, when the balancer has given them up. */
  async cut(how: Cut): Promise<void> {
    const links = [...this.#lines].filter(({ isLink, isSilent }) => isLink && !isSilent);
    for (const line of links) {
      const { near, far } = line;
      if (how === 'reset') for (const socket of [near, far]) socket.resetAndDestroy();
      else if (how === 'silent') line.isSilent = true;
      else line.closing = how === 'closed towards the balancer' ? near : far;
    }
    await Promise.all(links.map(({ over }) => over));
  }

  /** Carries a connection: what it says first tells what it is. */
  carry(near: Socket, far: Socket): void {
    let ended = () => {};
    const over = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const line: Line = { near, far, isLink: false, isSilent: false, closing: undefined, over };
    this.#lines.add(line);
    let asks = false;
    near.once('data', (first) => {
      asks = linkRequest.test(first.toString('latin1'));
      if (asks && this.openings === 'reset') {
        this.#count();
        near.resetAndDestroy();
        return;
      }
      far.write(asks ? this.#asked(first) : first);
      near.on('data', (octets) => this.#pass(line, far, octets));
    });
    far.once('data', (first) => {
      near.write(asks ? this.#answered(line, first) : first);
      far.on('data', (octets) => this.#pass(line, near, octets));
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('end', () => {
        // The server never hears of the end of a silent link.
        if (!line.isSilent) other.end();
        else if (socket === near) near.end();
      });
      socket.on('error', () => {
        if (!line.isSilent) other.resetAndDestroy();
      });
      socket.on('close', () => {
        if (line.isSilent ? socket === near : near.closed && far.closed) ended();
        if (near.closed && far.closed) this.#lines.delete(line);
      });
    }
  }

  #pass(line: Line, to: Socket, octets: Buffer): void {
    const { closing, isSilent } = line;
    if (isSilent || closing?.writableEnded) return;
    if (closing !== to) {
      to.write(octets);
      return;
    }
    const short = shortOf[this.#closes++ % shortOf.length] as number;
    to.end(octets.subarray(0, Math.max(1, octets.length - short)));
  }

  #asked(head: Buffer): Buffer {
    const text = head.toString('latin1');
    switch (this.openings) {
      case 'asked for another version':
        return Buffer.from(text.replace(protocol, otherProtocol), 'latin1');
      case 'unknown to the server':
        return Buffer.from(text.replace('/.sluice/link', '/.sluice/what'), 'latin1');
      default:
        return head;
    }
  }

  #answered(line: Line, head: Buffer): Buffer {
    const text = head.toString('latin1');
    const agrees = text.startsWith('HTTP/1.1 101 ') && text.includes(protocol);
    line.isLink = agrees && this.openings === 'pass';
    if (!line.isLink) this.#count();
    return this.openings === 'answered in another version' ? Buffer.from(text.replace(protocol, otherProtocol), 'latin1') : head;
  }

  #count(): void {
    this.refused.set(this.openings, (this.refused.get(this.openings) ?? 0) + 1);
  }
}
