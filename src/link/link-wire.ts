import type { Receiver, Wire } from '../http1/connection/wire.ts';
import { inUse } from '../model/longest-idle.ts';
import { type FrameFault, frameTypes, windowOctets } from './frames.ts';

/**
 * With so many octets taken, the sender hears that it may send as many again: `alone` in a write for that, `beside` together with octets that go its
 * way anyhow.
 */
const grants = { alone: windowOctets / 2, beside: windowOctets / 8 } as const;

/** The link of a wire, as the wire uses it. */
export interface Carrier {
  readonly wire: Pick<Wire, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>;
  /** The connection has not taken what was sent lately: `drained` will be called on each wire that sends now. */
  readonly congested: boolean;
  /** Writes so far: what is sent now leaves with the next one. */
  readonly writes: number;
  sendData(stream: number, octets: Buffer, start: number, end: number): void;
  sendControl(type: number, stream: number, value: number): void;
  awaitDrain(wire: LinkWire): void;
  /** The stream is over. */
  released(wire: LinkWire): void;
}

/** One stream of a link, as a wire: it carries HTTP/1.1 as a connection of its own would. */
export class LinkWire implements Wire {
  receiver!: Receiver;
  failure: Error | undefined;
  destroyed = false;
  writableEnded = false;
  /** Octets that wait for credit. */
  writableLength = 0;
  readonly ending = false;
  readonly stream: number;
  readonly #link: Carrier;
  /** Octets that the peer takes at present. */
  #credit = windowOctets;
  #queue: Buffer[] = [];
  #sent: (() => void) | undefined;
  /** The link is congested. */
  #waits = false;
  /** Write before the one with the first octets that were sent since octets last came; undefined: none were. */
  #sentAfter: number | undefined;
  /** Octets that the peer may send at present. */
  #room = windowOctets;
  /** Octets that were taken since the peer was last given credit. */
  #taken = 0;
  /** Octets that came while the receiver was paused. */
  #held: Buffer[] = [];
  #paused = false;
  /** The peer has ended its direction; what is held comes first. */
  #ended = false;

  constructor(link: Carrier, stream: number) {
    this.#link = link;
    this.stream = stream;
  }

  /** Gives what arrives to a receiver. */
  serve(receiver: Receiver): this {
    this.receiver = receiver;
    return this;
  }

  get remoteAddress(): string | undefined {
    return this.#link.wire.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#link.wire.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#link.wire.localAddress;
  }

  get localPort(): number | undefined {
    return this.#link.wire.localPort;
  }

  get writableNeedDrain(): boolean {
    return this.writableLength > 0 || this.#waits;
  }

  /** False: the peer has got none of the octets that were sent since octets last came. */
  get hasSent(): boolean {
    return this.#held.length > 0 || (this.#sentAfter !== undefined && this.#sentAfter < this.#link.writes);
  }

  /** Octets that the peer has not taken yet, for `SendProgress`. */
  get handle(): { readonly writeQueueSize: number } {
    return { writeQueueSize: this.writableLength + windowOctets - this.#credit };
  }

  /** No descriptor is free when a stream is closed. */
  idleSince(): number {
    return inUse;
  }

  giveWay(): void {
    this.receiver.giveWay?.();
  }

  send(octets: Buffer): boolean {
    if (this.destroyed || this.writableEnded) return false;
    const now = this.writableLength > 0 ? 0 : Math.min(octets.length, this.#credit);
    if (now > 0) this.#sendNow(octets, 0, now);
    if (now < octets.length) {
      this.#queue.push(Buffer.from(octets.subarray(now)));
      this.writableLength += octets.length - now;
    }
    if (this.#link.congested && !this.#waits) {
      this.#waits = true;
      this.#link.awaitDrain(this);
    }
    return false;
  }

  sendCopied(octets: Buffer): boolean {
    this.send(octets);
    return true;
  }

  whenSent(done: () => void): void {
    if (this.writableLength === 0) done();
    else this.#sent = done;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  yield(): void {
    this.#paused = true;
  }

  resume(): this {
    if (!this.#paused) return this;
    this.#paused = false;
    if (this.#held.length > 0 || this.#ended) process.nextTick(() => this.#passHeld());
    this.#grant(grants.alone);
    return this;
  }

  end(): void {
    if (this.writableEnded || this.destroyed) return;
    this.writableEnded = true;
    if (this.writableLength === 0) this.#link.sendControl(frameTypes.end, this.stream, 0);
  }

  destroySoon(): void {
    this.end();
    this.whenSent(() => this.destroy());
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    const isOver = this.#ended && this.writableEnded && this.writableLength === 0;
    if (!isOver) this.#link.sendControl(frameTypes.reset, this.stream, 0);
    this.#close(error);
    process.nextTick(() => this.#call(() => this.receiver.closed(this.failure)));
  }

  // From the link

  /** Octets have come. Returns why they must not. */
  data(buffer: Buffer, start: number, end: number): FrameFault | undefined {
    this.#sentAfter = undefined;
    this.#room -= end - start;
    if (this.#room < 0) return 'more octets in a stream than it has credit for';
    if (this.#ended) return 'octets after the end of a stream';
    if (this.#paused || this.#held.length > 0) this.#held.push(Buffer.from(buffer.subarray(start, end)));
    else this.#pass(buffer, start, end);
    return undefined;
  }

  credit(octets: number): FrameFault | undefined {
    this.#credit += octets;
    if (this.#credit > windowOctets) return 'more credit than was used';
    this.#sendQueue();
    return undefined;
  }

  /** The peer ends its direction. */
  endOfData(): FrameFault | undefined {
    if (this.#ended) return 'a stream that ends twice';
    this.#ended = true;
    if (!this.#paused && this.#held.length === 0) this.#call(() => this.receiver.eof());
    return undefined;
  }

  /** The peer breaks the stream off, or the link is lost. What came before its proper end is still passed on. */
  lost(error: Error): void {
    if (this.destroyed) return;
    if (this.#ended && this.#held.length > 0) {
      this.writableEnded = true;
      this.#queue = [];
      this.writableLength = 0;
      this.#link.released(this);
      return;
    }
    this.#close(error);
    this.#call(() => this.receiver.closed(error));
  }

  /** The connection takes octets again. */
  drained(): void {
    this.#waits = false;
    if (this.writableLength === 0 && !this.destroyed) this.#call(() => this.receiver.drained());
  }

  #sendNow(octets: Buffer, start: number, end: number): void {
    this.#credit -= end - start;
    this.#sentAfter ??= this.#link.writes;
    this.#grant(grants.beside);
    this.#link.sendData(this.stream, octets, start, end);
  }

  #sendQueue(): void {
    if (this.writableLength === 0) return;
    while (this.#queue.length > 0 && this.#credit > 0) {
      const [first] = this.#queue as [Buffer];
      const now = Math.min(first.length, this.#credit);
      this.#sendNow(first, 0, now);
      this.writableLength -= now;
      if (now === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(now);
    }
    if (this.writableLength > 0) return;
    if (this.writableEnded) this.#link.sendControl(frameTypes.end, this.stream, 0);
    const sent = this.#sent;
    this.#sent = undefined;
    this.#call(() => {
      if (!this.#waits && !this.destroyed) this.receiver.drained();
      sent?.();
    });
  }

  #passHeld(): void {
    while (this.#held.length > 0 && !this.#paused && !this.destroyed) {
      const octets = this.#held.shift() as Buffer;
      this.#pass(octets, 0, octets.length);
    }
    if (this.#ended && this.#held.length === 0 && !this.#paused && !this.destroyed) this.#call(() => this.receiver.eof());
  }

  #pass(buffer: Buffer, start: number, end: number): void {
    this.#taken += end - start;
    try {
      this.receiver.octets(buffer, start, end);
    } catch (error) {
      this.receiver.crashed(error);
    }
    this.#grant(grants.alone);
  }

  #grant(least: number): void {
    if (this.#taken < least || this.#paused || this.destroyed || this.#ended) return;
    this.#room += this.#taken;
    this.#link.sendControl(frameTypes.credit, this.stream, this.#taken);
    this.#taken = 0;
  }

  #close(error: Error | undefined): void {
    this.destroyed = true;
    this.failure ??= error;
    this.#held = [];
    this.#queue = [];
    this.writableLength = 0;
    this.#link.released(this);
  }

  #call(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.receiver.crashed(error);
    }
  }
}
