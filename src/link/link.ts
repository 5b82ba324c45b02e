import type { Deadlines, Watched } from '../http1/connection/deadlines.ts';
import { outbox } from '../http1/connection/outbox.ts';
import { mustDrain, type Receiver, unreadCode, type Wire } from '../http1/connection/wire.ts';
import { type FrameFault, FrameReader, type FrameSink, frameTypes, headerOctets, windowOctets, writeHeader } from './frames.ts';
import { type Carrier, LinkWire } from './link-wire.ts';

/** Most streams that are open at a time. Requests beyond them have connections of their own. */
export const mostStreams = 1024;
/** The highest number of a stream. Long before it, a link is replaced by another. */
const lastStream = 0xffff_ffff;
/**
 * Milliseconds of silence after which the peer is asked for a sign of life, after which no more streams are opened, and after which it counts as gone.
 * A process that stood still meanwhile goes on with its streams.
 */
const silentMs = { asks: 5000, leaves: 10_000, ends: 60_000 };
/** Octets that may wait for a peer that does not read: no more than streams have credit for, even if each of them is broken off and replaced. */
const mostWaiting = (mostStreams + 16) * windowOctets;
/** With so many octets gathered, they are sent before the turn ends. */
const capacity = windowOctets + 4096;

/** Memory that no link uses at present: an idle link has none. */
const spareMemories: Buffer[] = [];
const mostSpare = 4;

export interface LinkOwner {
  readonly deadlines: Deadlines;
  /** The peer opens a stream: something must serve it. Undefined: only this end opens streams. */
  opened?(wire: LinkWire): void;
  /** No stream is open any more. */
  emptied?(): void;
  /** No more streams should be opened: the peer wants none, or gives no sign of life, which is repeated every 5 s while that lasts. */
  leaving?(reason: 'asked' | 'silent'): void;
  /** The connection is closed. @param fault what the peer did wrong; undefined: nothing */
  closed(reason: string, fault: boolean): void;
  /** Reports a bug. The connection is closed. */
  crashed(error: unknown): void;
}

/**
 * One end of a link: a connection between a balancer and a gateway server that carries many streams. Everything that the streams send in a turn of the
 * event loop leaves in one write.
 */
export class Link implements Receiver, Carrier, FrameSink, Watched {
  deadline = 0;
  readonly wire: Wire;
  readonly #owner: LinkOwner;
  readonly #reader = new FrameReader(this);
  readonly #streams = new Map<number, LinkWire>();
  /** Highest number of a stream so far. */
  #last = 0;
  /** Highest number of a stream that the peer reads. */
  #lastRead = lastStream;
  #leaves = false;
  #over = false;
  #heardAt: number;
  /** Writes so far. */
  writes = 0;
  /** Frames that are gathered; undefined: none are. */
  #memory: Buffer | undefined;
  #length = 0;
  /** The memory is sent once the function that runs at present has returned, or when this turn of the event loop ends. */
  #leavesSoon = false;
  #leavesLater = false;
  /** Streams that have sent while the connection was congested. */
  #waiting: LinkWire[] = [];
  readonly #flushSoon = () => {
    this.#leavesSoon = false;
    this.flush();
  };
  readonly #flushLater = () => {
    this.#leavesLater = false;
    // The octets that streams have written in this turn leave in the same write.
    outbox.flush();
    this.flush();
  };

  constructor(wire: Wire, owner: LinkOwner) {
    this.wire = wire;
    this.#owner = owner;
    wire.receiver = this;
    this.#heardAt = owner.deadlines.now;
    this.deadline = owner.deadlines.in(silentMs.asks);
    owner.deadlines.watch(this);
  }

  /** Number of open streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** Another stream may be opened. */
  get hasRoom(): boolean {
    return !this.#over && !this.#leaves && this.#streams.size < mostStreams && !this.congested;
  }

  get congested(): boolean {
    return mustDrain(this.wire);
  }

  /** Opens a stream. Call only while there is room. */
  open(receiver: Receiver): LinkWire {
    const wire = new LinkWire(this, ++this.#last).serve(receiver);
    this.#streams.set(wire.stream, wire);
    this.sendControl(frameTypes.open, wire.stream, 0);
    if (this.#last === lastStream) this.leave();
    return wire;
  }

  /** Takes no more streams: those that are open end as they would. */
  leave(): void {
    if (this.#leaves || this.#over) return;
    this.#leaves = true;
    this.#lastRead = this.#last;
    if (this.#owner.opened !== undefined) this.sendControl(frameTypes.goAway, this.#last, 0);
    if (this.#streams.size === 0) this.#owner.emptied?.();
  }

  /** Closes the connection once everything was sent; without streams nothing is lost. */
  close(): void {
    this.flush();
    this.#end('closed', false);
    this.wire.destroySoon();
  }

  destroy(reason = 'closed'): void {
    this.#end(reason, false);
    this.wire.destroy();
  }

  // From the streams

  sendData(stream: number, octets: Buffer, start: number, end: number): void {
    if (this.#over) return;
    const length = end - start;
    const memory = this.#roomFor(length + headerOctets);
    const at = this.#length;
    writeHeader(memory, at, frameTypes.data, stream, length);
    octets.copy(memory, at + headerOctets, start, end);
    this.#length = at + headerOctets + length;
    if (this.#leavesSoon) return;
    // The outbox sends the octets of all streams one after the other, at the end of a turn.
    this.#leavesSoon = true;
    process.nextTick(this.#flushSoon);
  }

  sendControl(type: number, stream: number, value: number): void {
    if (this.#over) return;
    writeHeader(this.#roomFor(headerOctets), this.#length, type, stream, value);
    this.#length += headerOctets;
    if (this.#leavesSoon || this.#leavesLater) return;
    this.#leavesLater = true;
    setImmediate(this.#flushLater);
  }

  awaitDrain(wire: LinkWire): void {
    this.#waiting.push(wire);
  }

  released(wire: LinkWire): void {
    if (!this.#streams.delete(wire.stream) || this.#streams.size > 0 || this.#over) return;
    this.#owner.emptied?.();
  }

  /** Sends everything that was gathered. */
  flush(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    const octets = memory.subarray(0, this.#length);
    this.#memory = undefined;
    this.#length = 0;
    this.writes++;
    if (!this.wire.send(octets) && spareMemories.length < mostSpare) spareMemories.push(memory);
    if (this.wire.writableLength > mostWaiting) process.nextTick(this.#giveUpUnread);
  }

  // From the connection

  octets(buffer: Buffer, start: number, end: number): void {
    this.#heardAt = this.#owner.deadlines.now;
    const fault = this.#reader.read(buffer, start, end);
    if (fault !== undefined) this.#fail(fault);
  }

  eof(): void {
    this.#lose('the peer has closed the link');
  }

  drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wire of waiting) wire.drained();
  }

  closed(error: Error | undefined): void {
    this.#lose(error?.message ?? 'the connection is closed');
  }

  crashed(error: unknown): void {
    this.#lose('a bug');
    this.#owner.crashed(error);
  }

  expire(): void {
    const { now } = this.#owner.deadlines;
    const silence = now - this.#heardAt;
    if (silence >= silentMs.ends) {
      this.#lose('no sign of life');
      return;
    }
    if (silence >= silentMs.leaves) this.#owner.leaving?.('silent');
    if (this.#over) return;
    if (silence >= silentMs.asks) this.sendControl(frameTypes.ping, 0, 0);
    this.deadline = this.#owner.deadlines.in(silentMs.asks - (silence % silentMs.asks));
  }

  // From the frames

  data(stream: number, buffer: Buffer, start: number, end: number): FrameFault | undefined {
    if (this.#over) return undefined;
    const wire = this.#streams.get(stream);
    if (wire !== undefined) return wire.data(buffer, start, end);
    if (stream <= this.#last) return undefined;
    return stream > this.#lastRead ? undefined : 'octets of a stream that was not opened';
  }

  control(type: number, stream: number, value: number): FrameFault | undefined {
    if (this.#over) return undefined;
    switch (type) {
      case frameTypes.open:
        return this.#peerOpens(stream);
      case frameTypes.end:
        return this.#streams.get(stream)?.endOfData();
      case frameTypes.reset:
        this.#streams.get(stream)?.lost(coded('the peer has broken the stream off', 'ECONNRESET'));
        return undefined;
      case frameTypes.credit:
        return this.#streams.get(stream)?.credit(value);
      case frameTypes.ping:
        if (!this.congested) this.sendControl(frameTypes.pong, 0, 0);
        return undefined;
      case frameTypes.goAway:
        return this.#peerLeaves(stream);
      default:
        return undefined;
    }
  }

  #peerOpens(stream: number): FrameFault | undefined {
    if (this.#owner.opened === undefined) return 'a stream opened by the end that only serves them';
    if (stream > this.#lastRead) return undefined;
    if (stream <= this.#last) return 'a stream that is opened again';
    if (this.#streams.size >= mostStreams) return `more than ${mostStreams} streams`;
    const opened = new LinkWire(this, stream);
    this.#last = stream;
    this.#streams.set(stream, opened);
    this.#owner.opened(opened);
    return undefined;
  }

  #peerLeaves(last: number): FrameFault | undefined {
    if (this.#owner.opened !== undefined) return 'a goAway from the end that opens streams';
    if (last > this.#last) return 'a goAway with a stream that was not opened';
    this.#leaves = true;
    this.#lastRead = last;
    const unread = [...this.#streams.values()].filter(({ stream }) => stream > last);
    for (const wire of unread) wire.lost(coded('the server reads no new streams', unreadCode));
    this.#owner.leaving?.('asked');
    if (this.#streams.size === 0) this.#owner.emptied?.();
    return undefined;
  }

  /** Memory with room for so many octets at `#length`. */
  #roomFor(octets: number): Buffer {
    if (octets > capacity - this.#length) this.flush();
    this.#memory ??= spareMemories.pop() ?? Buffer.allocUnsafeSlow(capacity);
    return this.#memory;
  }

  /** Later than the write that shows it: whoever sends is amid octets of others, and an exchange that is lost sends an answer at once. */
  readonly #giveUpUnread = (): void => this.#fail('it does not read what it asks for');

  #fail(fault: FrameFault): void {
    this.#lose(fault, true);
  }

  #lose(reason: string, fault = false): void {
    if (this.#over) return;
    this.#end(reason, fault);
    this.wire.destroy();
  }

  #end(reason: string, fault: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.deadlines.unwatch(this);
    this.deadline = 0;
    const lost = [...this.#streams.values()];
    this.#streams.clear();
    const error = coded(`the link is lost: ${reason}`, 'ECONNRESET');
    const unread = coded(`the link is lost before this was sent: ${reason}`, unreadCode);
    // First: what is lost is sent again at once, and not on this link.
    this.#owner.closed(reason, fault);
    for (const wire of lost) wire.lost(wire.hasSent ? error : unread);
  }
}

function coded(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
