import { Deadlines } from '../../src/http1/connection/deadlines.ts';
import type { Receiver, Wire } from '../../src/http1/connection/wire.ts';
import { frameTypes, headerOctets, writeHeader } from '../../src/link/frames.ts';
import { Link } from '../../src/link/link.ts';
import type { LinkWire } from '../../src/link/link-wire.ts';
import { FakeClock } from '../tools/fake-clock.ts';

export type FrameName = keyof typeof frameTypes;

/** The octets of one frame. */
export function frame(name: FrameName | number, stream: number, value: number | Buffer = 0): Buffer {
  const type = typeof name === 'number' ? name : frameTypes[name];
  const octets = Buffer.alloc(headerOctets);
  writeHeader(octets, 0, type, stream, typeof value === 'number' ? value : value.length);
  return typeof value === 'number' ? octets : Buffer.concat([octets, value]);
}

/** A connection whose other end is the test: keeps what is sent. */
export class FakeWire {
  receiver!: Receiver;
  readonly failure = undefined;
  readonly remoteAddress = '127.0.0.1';
  destroyed = false;
  ended = false;
  writableNeedDrain = false;
  writableLength = 0;
  readonly ending = false;
  readonly sent: Buffer[] = [];
  /** Number of writes. */
  writes = 0;
  /** Called with each write. */
  onSend: (octets: Buffer) => void = () => {};

  send(octets: Buffer): boolean {
    this.writes++;
    const copy = Buffer.from(octets);
    this.sent.push(copy);
    this.onSend(copy);
    return false;
  }

  destroy(): void {
    this.destroyed = true;
  }

  destroySoon(): void {
    this.ended = true;
  }

  /** Takes everything that was sent. */
  take(): Buffer {
    return Buffer.concat(this.sent.splice(0));
  }
}

/** Receives one stream. */
export class StreamEnd implements Receiver {
  readonly wire: LinkWire;
  readonly pieces: Buffer[] = [];
  ended = false;
  drains = 0;
  closedWith: Error | true | undefined;

  constructor(open: (receiver: Receiver) => LinkWire) {
    this.wire = open(this);
  }

  get octetsHere(): Buffer {
    return Buffer.concat(this.pieces);
  }

  octets(buffer: Buffer, start: number, end: number): void {
    this.pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  eof(): void {
    this.ended = true;
  }

  drained(): void {
    this.drains++;
  }

  closed(error: Error | undefined): void {
    this.closedWith = error ?? true;
  }

  crashed(error: unknown): void {
    throw error;
  }
}

/** One end of a link. The test has the other end of its connection. */
export class LinkEnd {
  readonly wire = new FakeWire();
  readonly clock = new FakeClock();
  readonly streams: StreamEnd[] = [];
  readonly link: Link;
  emptied = 0;
  left = 0;
  over: { readonly reason: string; readonly fault: boolean } | undefined;

  /** @param role the balancer's end opens streams */
  constructor(role: 'balancer' | 'gateway') {
    const opened = (wire: LinkWire) => void this.streams.push(new StreamEnd((receiver) => wire.serve(receiver)));
    this.link = new Link(this.wire as unknown as Wire, {
      deadlines: new Deadlines(this.clock),
      ...(role === 'gateway' && { opened }),
      emptied: () => void this.emptied++,
      leaving: () => void this.left++,
      closed: (reason, fault) => {
        this.over = { reason, fault };
      },
      crashed: (error) => {
        throw error;
      },
    });
  }

  open(): StreamEnd {
    const stream = new StreamEnd((receiver) => this.link.open(receiver));
    this.streams.push(stream);
    return stream;
  }

  receive(...frames: readonly Buffer[]): void {
    const octets = Buffer.concat(frames);
    this.link.octets(octets, 0, octets.length);
  }
}

/** Lets everything leave that waits for the end of a turn. */
export async function turns(count = 2): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
