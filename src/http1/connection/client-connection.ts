import type net from 'node:net';
import { connectErrorText } from '../../dns/name-error.ts';
import { inUse } from '../../model/longest-idle.ts';
import { isShortage } from '../../model/shortage.ts';
import { BodyReader } from '../message/body-reader.ts';
import type { BodySink } from '../message/chunked-decoder.ts';
import { keptIdleMs } from '../message/idle-seconds.ts';
import { LF } from '../message/octets.ts';
import { agreesTo } from '../message/protocols.ts';
import { ResponseHead } from '../message/response-head.ts';
import { parseResponseHead } from '../message/response-parser.ts';
import { trailerLines } from '../message/trailer-lines.ts';
import type { Deadlines, Watched } from './deadlines.ts';
import { type Introduction, introduceWire } from './introduction.ts';
import type { AttemptFailure, ResponseSink, UpstreamConnection } from './response-sink.ts';
import { SendProgress } from './send-progress.ts';
import { Starvation } from './starvation.ts';
import { cutOff, isCutOff, isUnread, mustDrain, type OpenWire, type Receiver, type Wire } from './wire.ts';
import { connect, type Destination, release } from './wire-socket.ts';

/** The owner of a connection to an upstream: its pool. */
export interface ClientConnectionOwner {
  readonly destination: Destination;
  readonly deadlines: Deadlines;
  /** Question that a new connection asks before it is used; undefined: the peer is not in doubt. */
  readonly introduction?: Introduction | undefined;
  /** Takes back a connection whose exchange ended well, so that it can carry another. */
  put(connection: ClientConnection): void;
  /** The connection cannot be opened at the moment, and may be replaced by the next one that is put back. */
  starving(connection: ClientConnection): void;
  /** Takes an idle connection out of the pool, if there is one. */
  take(): ClientConnection | undefined;
  /** The connection is closed, or is being opened again. May be called more than once. */
  closed(connection: ClientConnection): void;
}

const maxFields = 256;
/** From this many octets of a body on, much of it may still wait in the kernel's send buffer when everything seems to be sent. */
const watchedBodyBytes = 64 * 1024;
/** Limit of the interim responses (1xx) to one request. */
const maxInterimResponses = 64;

/** Shared by all connections, because a head is used only while its octets are being read. */
const sharedHead = new ResponseHead(maxFields);
const sharedLimits = { headBytes: 0, targetBytes: 0, fields: maxFields };

/** One connection to an upstream. Carries one exchange after another. */
export class ClientConnection implements UpstreamConnection, Receiver, Watched, BodySink {
  deadline = 0;
  wire: Wire;
  reused = false;
  /** Time of the deadlines after which the connection carries no further exchange. */
  keptUntil = Number.POSITIVE_INFINITY;
  /** Milliseconds that the peer keeps an idle connection, less a margin, as far as it said so. */
  peerIdleMs = Number.POSITIVE_INFINITY;
  /** Stamp of the deadlines since which the pool keeps the connection idle. */
  pooledSince = inUse;
  heard = false;
  readonly #owner: ClientConnectionOwner;
  readonly #connectMs: number;
  readonly #preface: Buffer | undefined;
  #connected = false;
  /** Set while this process lacks something to open the connection. */
  #starvation: Starvation | undefined;
  /** The peer has closed the connection once, before it was ready. */
  #cutOff = false;
  #sink: ResponseSink | undefined;
  #method = '';
  #requestComplete = false;
  /** The request expects 100 (Continue), which has not arrived. */
  #awaitsContinue = false;
  #headSeen = false;
  #interim = 0;
  #keepAlive = false;
  #nominated: readonly string[] = [];
  #body: BodyReader | undefined;
  #held: Buffer | undefined;
  #paused = false;
  /** Octets of the request's body that came after its head was sent. */
  #bodySent = 0;
  /** Made for the first large body. */
  #progress: SendProgress | undefined;

  /** Opens a connection for an exchange of `sink`. @param preface octets to send before anything else @param over returns a wire that is open already */
  constructor(owner: ClientConnectionOwner, sink: ResponseSink | undefined, connectMs: number, preface?: Buffer, over?: OpenWire) {
    this.#owner = owner;
    this.#preface = preface;
    this.#sink = sink;
    this.#connectMs = connectMs;
    this.#connected = over !== undefined;
    this.reused = this.#connected;
    this.deadline = owner.deadlines.in(connectMs);
    owner.deadlines.watch(this);
    this.wire = over?.(this) ?? this.#dial();
  }

  idleSince(): number {
    return this.pooledSince;
  }

  giveWay(): void {
    this.abandon();
  }

  #dial(): Wire {
    const { destination, introduction } = this.#owner;
    const ready = () => this.#ready();
    const established = () => (introduction === undefined ? ready() : introduceWire(this.wire, introduction, this, ready));
    return connect(destination, this, this.#connectMs, established, this.#preface);
  }

  #ready(): void {
    this.#connected = true;
    this.#starvation = undefined;
    this.deadline = 0;
    this.#sink?.connected(this);
  }

  begin(sink: ResponseSink, request: { readonly method: string; readonly expectContinue: boolean }, requestComplete: boolean): void {
    this.#sink = sink;
    this.#method = request.method;
    this.#awaitsContinue = request.expectContinue;
    this.#requestComplete = requestComplete;
    this.heard = false;
    this.#headSeen = false;
    this.#interim = 0;
    this.#body = undefined;
    this.#bodySent = 0;
    this.expectAnswer();
  }

  progress(requestComplete: boolean, octets = 0): void {
    this.#requestComplete = requestComplete;
    this.#bodySent += octets;
    this.expectAnswer();
  }

  expectAnswer(): void {
    if (this.#sink === undefined) return;
    const mustAct = !this.#paused && (this.#requestComplete || mustDrain(this.wire));
    if (mustAct && this.#bodySent > watchedBodyBytes) {
      this.#progress ??= new SendProgress(this.wire, this.#owner.deadlines);
      this.deadline = this.#progress.begin(this.#sink.silenceMs);
      return;
    }
    this.#progress?.end();
    this.deadline = mustAct ? this.#owner.deadlines.in(this.#sink.silenceMs) : 0;
  }

  octets(buffer: Buffer, start: number, end: number): void {
    const sink = this.#sink;
    if (sink === undefined) {
      this.#destroy();
      return;
    }
    this.heard = true;
    if (this.#held === undefined) {
      this.#read(sink, buffer, start, end);
    } else {
      const held = Buffer.concat([this.#held, buffer.subarray(start, end)]);
      // A head is parsed again only once another line has ended, so that many tiny reads cost no more than a few large ones.
      const lineEnded = buffer.subarray(start, end).includes(LF) || held.length > sink.headBytes;
      this.#held = lineEnded ? undefined : held;
      if (lineEnded) this.#read(sink, held, 0, held.length);
    }
    sink.turnEnd();
  }

  /** Passes on data of the response's body. */
  data(buffer: Buffer, start: number, end: number): void {
    this.#sink?.responseData(buffer, start, end);
  }

  eof(): void {
    if (!this.#connected) {
      this.wire.failure ??= cutOff('closed before the connection was secured');
      this.wire.destroy();
    } else if (this.#sink === undefined || !this.#headSeen || !this.#body?.untilClose)
      this.#fail('reset', this.wire.failure?.message ?? 'closed before the response was complete');
    else if (this.wire.cut)
      this.#fail('reset', 'the TLS connection was cut: it ended without close_notify, so that the response may be incomplete');
    else {
      this.#destroy();
      this.#end(this.#sink, '');
    }
  }

  drained(): void {
    this.expectAnswer();
    this.#sink?.upstreamDrained();
  }

  closed(error: Error | undefined): void {
    const reason = error === undefined ? 'closed before the response was complete' : connectErrorText(error);
    const short = isShortage(error);
    if (short && !this.#connected && this.#sink !== undefined && this.#starve(this.#sink, reason, error)) return;
    if (!this.#connected && this.#sink !== undefined && !this.#cutOff && isCutOff(error)) {
      // The connection looked idle, since this process was slow, and gave way to another one: the peer is to blame only if that happens again.
      this.#cutOff = true;
      this.wire = this.#dial();
      return;
    }
    this.#fail(short ? 'shortage' : this.#connected && (this.heard || !isUnread(error)) ? 'reset' : 'connect-failed', reason);
  }

  /** Another exchange of the pool has left its connection: the waiting exchange takes that one. */
  replaceBy(other: ClientConnection): void {
    const sink = this.#sink;
    this.abandon();
    try {
      sink?.connected(other);
    } catch (error) {
      other.crashed(error);
    }
  }

  /** This process lacks something to open the connection: true if it is tried again. */
  #starve(sink: ResponseSink, reason: string, error: Error | undefined): boolean {
    this.#starvation ??= new Starvation(this.#owner.deadlines, this.#connectMs);
    const next = this.#starvation.next(reason, error, sink);
    if (next === 'elsewhere') this.#sink = undefined;
    if (next === 'elsewhere' || next === 'never') return false;
    if (next === 'now') this.wire = this.#dial();
    else {
      this.deadline = next;
      this.#owner.starving(this);
    }
    return true;
  }

  /** Tries again to open the connection, or takes one that has become idle meanwhile. */
  #dialAgain(): void {
    const idle = this.#owner.take();
    this.deadline = this.#starvation?.until ?? 0;
    if (idle === undefined) this.wire = this.#dial();
    else this.replaceBy(idle);
  }

  crashed(error: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) throw error;
    this.abandon();
    sink.crashed(error);
  }

  expire(): void {
    if (this.#sink === undefined) this.#destroy();
    else if (this.#starvation !== undefined && this.wire.destroyed) this.#dialAgain();
    else if (this.#starvation !== undefined) this.#fail('shortage', this.#starvation.reason);
    else if (!this.#connected) this.#fail('connect-timeout', 'no connection in time');
    else if (this.#progress?.waiting)
      this.#progress.look((next) => {
        if (next === undefined) this.#timedOut();
        else this.deadline = next;
      });
    else this.#timedOut();
  }

  pause(briefly = false): void {
    if (this.#paused) return;
    this.#paused = true;
    (briefly ? this.wire.yield : this.wire.pause).call(this.wire);
    this.#progress?.end();
    this.deadline = 0;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
    this.expectAnswer();
  }

  abandon(): void {
    this.#sink = undefined;
    this.#destroy();
  }

  release(): net.Socket {
    this.#sink = undefined;
    this.deadline = 0;
    this.#owner.deadlines.unwatch(this);
    this.#owner.closed(this);
    return release(this.wire);
  }

  /** Tells the exchange that health checks say that the upstream hangs, unless its response has begun. */
  doubt(): void {
    try {
      if (this.#connected && !this.heard) this.#sink?.doubted();
    } catch (error) {
      this.crashed(error);
    }
  }

  /** Closes an idle connection. */
  close(): void {
    this.#sink = undefined;
    this.wire.destroySoon();
  }

  #read(sink: ResponseSink, buffer: Buffer, from: number, end: number): void {
    let at = from;
    sharedLimits.headBytes = sink.headBytes;
    while (this.#body === undefined) {
      const consumed = parseResponseHead(sharedHead, buffer, at, end, sharedLimits);
      if (consumed < 0) {
        this.#fail('bad-response', sharedHead.fault?.title ?? 'not a response');
        return;
      }
      if (consumed === 0) {
        this.#held = Buffer.from(buffer.subarray(at, end));
        return;
      }
      at += consumed;
      if (sharedHead.status === 101) {
        if (agreesTo(sharedHead, sink.protocols)) sink.switched(sharedHead, buffer, at, end);
        else this.#fail('bad-response', 'switched to a protocol that the request did not offer');
        return;
      }
      if (!this.#takeHead(sink)) return;
      if (at === end && this.#body === undefined) return;
    }
    const body = this.#body;
    at = body.read(buffer, at, end, this);
    if (this.#sink !== sink) return;
    if (body.fault) {
      this.#fail('bad-response', body.fault.title);
      return;
    }
    if (body.complete) {
      this.#complete(sink, at === end);
      return;
    }
    this.expectAnswer();
  }

  /** Handles the head just parsed; returns true if reading can continue. */
  #takeHead(sink: ResponseSink): boolean {
    const head = sharedHead;
    if (head.status < 200) {
      if (head.status === 100) this.#awaitsContinue = false;
      if (++this.#interim > maxInterimResponses) {
        this.#fail('bad-response', 'too many interim responses');
        return false;
      }
      sink.head(head);
      return this.#sink === sink;
    }
    this.#headSeen = true;
    this.#keepAlive = head.keepAlive;
    if (head.idleSeconds >= 0) {
      this.peerIdleMs = keptIdleMs(head.idleSeconds);
      if (this.peerIdleMs === 0) this.#keepAlive = false;
    }
    this.#nominated = head.nominated;
    this.#body = BodyReader.ofResponse(head, this.#method);
    sink.head(head);
    return this.#sink === sink;
  }

  #complete(sink: ResponseSink, clean: boolean): void {
    this.#progress?.end();
    // A server that sent no 100 may read the body as its next request (RFC 9110 section 10.1.1 lets it close instead).
    const whole = this.#requestComplete && !this.#awaitsContinue;
    // A write over TLS counts as done only some time after its octets have left: if no body followed the head, the answer shows that they have.
    const sent = this.wire.writableLength === 0 || (this.#bodySent === 0 && this.#owner.destination.secure !== undefined);
    const reusable = clean && this.#keepAlive && whole && !this.#body?.untilClose && sent;
    const trailers = trailerLines(this.#body?.trailers, this.#nominated, sink.edits);
    this.#body = undefined;
    if (reusable) this.#owner.put(this);
    else this.#destroy();
    this.#end(sink, trailers);
  }

  /** Clears the sink only after the call, so that a bug in the call is reported to it; by then the next exchange may have set its own. */
  #end(sink: ResponseSink, trailers: string): void {
    sink.responseEnd(trailers);
    if (this.#sink === sink) this.#sink = undefined;
  }

  #timedOut(): void {
    this.#fail('head-timeout', this.#headSeen ? 'no more data of the response in time' : 'no response in time');
  }

  #fail(failure: AttemptFailure, reason: string): void {
    this.#destroy();
    this.#sink?.failed(failure, reason);
    this.#sink = undefined;
  }

  #destroy(): void {
    this.#progress?.end();
    this.deadline = 0;
    this.pooledSince = inUse;
    this.#owner.deadlines.unwatch(this);
    this.#owner.closed(this);
    this.wire.destroy();
  }
}
