import type net from 'node:net';
import { BodyReader } from '../message/body-reader.ts';
import { type HeadLimits, parseRequestHead, RequestHead } from '../message/request-head.ts';
import { trailerLines } from '../message/trailer-lines.ts';
import { type WireFault, wireFaults } from '../message/wire-fault.ts';
import type { Deadlines, Watched } from './deadlines.ts';
import { outbox } from './outbox.ts';
import { accept, type Receiver, release, reset, type Wire } from './wire-socket.ts';

/** What a client's connection needs to know; the owner may replace it while connections are open. Durations in milliseconds, 0: no limit. */
export interface ServerConnectionSettings {
  readonly limits: HeadLimits;
  /** From the first octet of a head to its end. */
  readonly headMs: number;
  /** The longest silence: between requests, within a body, and of a client that does not read. */
  readonly idleMs: number;
}

/** Who owns the connections of a listener and is given their requests. */
export interface ServerConnectionOwner {
  readonly settings: ServerConnectionSettings;
  readonly deadlines: Deadlines;
  /** A valid head. `head` is on loan until `finish`; its octets only for the call, unless retained. */
  request(connection: ServerConnection, head: RequestHead): RequestSink;
  /** What came is no request: answers with the fault. The connection closes after it. */
  refuse(connection: ServerConnection, fault: WireFault): void;
  closed(connection: ServerConnection): void;
  /** A bug that no request is to blame for. The connection is gone. */
  fault(error: unknown): void;
}

/** The receiving end of one request's body. */
export interface RequestSink {
  /** The response has begun to be sent. */
  readonly responding: boolean;
  data(buffer: Buffer, start: number, end: number): void;
  /** The body is complete. */
  end(): void;
  /** The body can't be read to its end, for the reason given; without one, the client is gone and nothing can be sent. */
  abort(fault: WireFault | undefined): void;
  /** What was read in this turn has been handed over, and what was put together of it has been sent. */
  turnEnd(): void;
  /** The client took what was sent. */
  clientDrained(): void;
  /** One of the calls above threw, which is a bug. */
  crashed(error: unknown): void;
}

const discard: RequestSink = { responding: true, data() {}, end() {}, abort() {}, turnEnd() {}, clientDrained() {}, crashed() {} };

/** A body this short is read to its end to keep the connection, when nobody wants it. */
const worthDraining = 64 * 1024;
/** How long a closing connection is still read, so that the client gets the response and no reset (RFC 9112 section 9.6). */
const lingerMs = 2000;
/** A client that has sent its last octet has mostly gone; one that only closed its sending side gets this long to be answered. */
const halfCloseMs = 1000;

/**
 * `head`: reading a head, or idle · `body`: reading a body · `answer`: the request is read, the response is not sent yet ·
 * `closing`: the last response was sent · `released`: no longer HTTP.
 */
type Phase = 'head' | 'body' | 'answer' | 'closing' | 'released';

/** Heads that no request is using. */
const spareHeads: RequestHead[] = [];
const mostSpareHeads = 256;

/** One client's connection: reads requests one after another, and the next only when the one before is answered. */
export class ServerConnection implements Receiver, Watched {
  deadline = 0;
  readonly wire: Wire;
  readonly peer: string;
  /** What was read is being handed over; what is put together meanwhile is sent at the end of it. */
  inTurn = false;
  readonly #owner: ServerConnectionOwner;
  #phase: Phase = 'head';
  #head: RequestHead | undefined;
  #sink: RequestSink = discard;
  #body: BodyReader | undefined;
  /** Octets that came and could not be dealt with yet: part of a head, or requests sent ahead. */
  #held: Buffer | undefined;
  #headBegun = false;
  #answered = false;
  #ended = false;
  #paused = false;

  constructor(accepted: net.Socket, owner: ServerConnectionOwner) {
    this.#owner = owner;
    // An IPv4 client of a listener on `::` is the same client as on `0.0.0.0`.
    this.peer = (accepted.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    this.wire = accept(accepted, this);
    this.deadline = owner.deadlines.in(owner.settings.idleMs);
    owner.deadlines.watch(this);
  }

  /** No request is in flight. */
  get idle(): boolean {
    return this.#phase === 'head';
  }

  /** The request has been read to its end. */
  get bodyComplete(): boolean {
    return this.#phase !== 'body';
  }

  /** Whether what is left of the request's body is worth reading only to keep the connection. */
  get bodyNearEnd(): boolean {
    if (this.#phase !== 'body') return true;
    return !this.#head?.expectContinue && (this.#body?.remaining ?? Number.POSITIVE_INFINITY) <= worthDraining;
  }

  /** The trailer fields of the request's body as complete lines, when it is complete. */
  get trailers(): string {
    return trailerLines(this.#body?.trailers, this.#head?.nominated ?? []);
  }

  octets(buffer: Buffer, start: number, end: number): void {
    if (this.#phase === 'closing') return;
    if (this.#held === undefined) {
      this.#turn(buffer, start, end, false);
      return;
    }
    const held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
    if (this.#phase !== 'head' || this.#stalled) {
      this.#held = held;
      this.pause();
      return;
    }
    // A head is parsed again only once another line has ended, so that many tiny reads cost no more than a few large ones.
    const lineEnded = buffer.subarray(start, end).includes(0x0a) || held.length > this.#owner.settings.limits.headBytes;
    this.#held = lineEnded ? undefined : held;
    if (lineEnded) this.#turn(held, 0, held.length, true);
  }

  eof(): void {
    this.#ended = true;
    if (this.#phase === 'head') this.close();
    else if (this.#phase === 'closing' && this.wire.writableEnded) this.wire.destroySoon();
    else if (this.#phase === 'answer') this.deadline = this.#owner.deadlines.in(halfCloseMs);
    else if (this.#phase === 'body' && this.#answered) this.close();
    else if (this.#phase === 'body') this.#abort(undefined);
  }

  drained(): void {
    if (this.#phase === 'head') {
      this.#readOn();
      return;
    }
    if (this.#phase === 'answer') this.deadline = 0;
    this.#sink.clientDrained();
  }

  closed(): void {
    this.#owner.deadlines.unwatch(this);
    this.deadline = 0;
    this.#phase = 'closing';
    this.#abort(undefined);
    this.#owner.closed(this);
  }

  expire(): void {
    if (this.#phase === 'body' && !this.#answered) this.#abort(wireFaults.requestTimeout);
    else if (this.wire.writableLength > 0) this.destroy();
    else if (this.#phase === 'head' && this.#headBegun) this.#owner.refuse(this, wireFaults.requestTimeout);
    else if (this.#phase === 'head') this.close();
    else if (this.#phase !== 'answer' || !this.#sink.responding) this.wire.destroy();
  }

  crashed(error: unknown): void {
    this.inTurn = false;
    if (this.#sink !== discard) {
      this.#sink.crashed(error);
      return;
    }
    this.#owner.fault(error);
    this.destroy();
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.wire.pause();
    if (this.#phase === 'body') this.deadline = 0;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
    if (this.#phase === 'body') this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
  }

  /** The client takes no more at present: it has the idle time to read, or the connection ends. */
  awaitDrain(): void {
    this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
  }

  /** The response has been sent to its end; `close` if it said that the connection closes. */
  finish(close: boolean): void {
    this.#sink = discard;
    this.#answered = true;
    if (close || !this.bodyNearEnd) this.close();
    else if (this.#phase === 'answer') this.#next();
    else this.resume();
  }

  /** Closes once everything written has left and the client has had time to read it. */
  close(): void {
    if (this.#phase === 'closing' || this.#phase === 'released') return;
    this.#phase = 'closing';
    this.#held = undefined;
    outbox.flush();
    this.resume();
    if (this.wire.writableLength === 0) {
      this.#sayGoodbye();
      return;
    }
    // The FIN waits, because after it a connection can't be reset any more, should the client not take the rest.
    this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
    this.wire.write('', () => this.#sayGoodbye());
  }

  /** Ends at once, with a reset, so that the client can't take what it got for a whole response. */
  destroy(): void {
    reset(this.wire);
  }

  /** Gives the connection away as an ordinary stream, with what came after the head. */
  release(): { socket: net.Socket; after: Buffer } {
    outbox.flush();
    const after = this.#held ?? Buffer.alloc(0);
    this.#held = undefined;
    this.#phase = 'released';
    this.#sink = discard;
    this.deadline = 0;
    this.#owner.deadlines.unwatch(this);
    return { socket: release(this.wire), after };
  }

  /** The client does not take what it is sent, so that answering more would only pile up. */
  get #stalled(): boolean {
    return this.#phase === 'head' && this.wire.writableNeedDrain;
  }

  /** @param kept the buffer is not used again, so that what is left over of it needs no copy */
  #turn(buffer: Buffer, from: number, end: number, kept: boolean): void {
    this.inTurn = true;
    let at = from;
    while (at < end && !this.#stalled) {
      const before = at;
      if (this.#phase === 'head') at = this.#readHead(buffer, at, end);
      else if (this.#phase === 'body') at = this.#readBody(buffer, at, end);
      if (at === before) break;
    }
    if (at < end && this.#phase !== 'closing') this.#hold(kept ? buffer.subarray(at, end) : Buffer.from(buffer.subarray(at, end)));
    this.inTurn = false;
    outbox.post();
    if (this.#phase !== 'head') this.#sink.turnEnd();
    else if (this.#stalled) this.pause();
    else if (this.#ended) this.close();
    else this.resume();
  }

  #hold(octets: Buffer): void {
    this.#held = octets;
    if (this.#phase !== 'head' || this.#headBegun || this.#stalled) return;
    this.#headBegun = true;
    this.deadline = this.#owner.deadlines.in(this.#owner.settings.headMs);
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    this.#head ??= spareHeads.pop() ?? new RequestHead();
    const head = this.#head;
    const consumed = parseRequestHead(head, buffer, start, end, this.#owner.settings.limits);
    if (consumed < 0) {
      this.#owner.refuse(this, head.fault as WireFault);
      return start;
    }
    if (consumed === 0) return start;
    this.#headBegun = false;
    this.#answered = false;
    const hasBody = head.chunked || head.contentLength > 0;
    this.#phase = hasBody ? 'body' : 'answer';
    this.deadline = hasBody ? this.#owner.deadlines.in(this.#owner.settings.idleMs) : 0;
    if (hasBody) this.#body = BodyReader.ofRequest(head);
    const sink = this.#owner.request(this, head);
    if (!this.#answered) this.#sink = sink;
    return start + consumed;
  }

  #readBody(buffer: Buffer, start: number, end: number): number {
    const body = this.#body as BodyReader;
    const next = body.read(buffer, start, end, this.#sink);
    if (body.fault) {
      if (this.#answered) this.close();
      else this.#abort(body.fault);
      return end;
    }
    if (!body.complete) {
      if (!this.#paused) this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
      return next;
    }
    this.#phase = 'answer';
    this.deadline = 0;
    if (this.#answered) this.#next();
    else this.#sink.end();
    return next;
  }

  /** Ready for the next request. */
  #next(): void {
    this.#phase = 'head';
    this.#body = undefined;
    if (this.#head && spareHeads.length < mostSpareHeads) spareHeads.push(this.#head);
    this.#head = undefined;
    this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
    if (!this.inTurn) this.#readOn();
  }

  /** Goes on with what is held, or reads more; not before the client has taken what it was sent. */
  #readOn(): void {
    if (this.#stalled) {
      this.pause();
      return;
    }
    this.resume();
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#turn(held, 0, held.length, true);
    else if (this.#ended) this.close();
  }

  /** Everything has been sent: ends the connection, reading on for a while. */
  #sayGoodbye(): void {
    if (this.wire.destroyed) return;
    this.deadline = this.#owner.deadlines.now + lingerMs;
    this.wire.end();
    if (this.#ended) this.wire.destroySoon();
  }

  #abort(fault: WireFault | undefined): void {
    const sink = this.#sink;
    sink.abort(fault);
    if (this.#sink === sink) this.#sink = discard;
  }
}
