import type net from 'node:net';
import { connectErrorText } from '../../dns/name-error.ts';
import { isShortage } from '../../model/shortage.ts';
import { BodyReader } from '../message/body-reader.ts';
import type { BodySink } from '../message/chunked-decoder.ts';
import type { EditedFields } from '../message/edited-fields.ts';
import { LF } from '../message/octets.ts';
import { agreesTo } from '../message/protocols.ts';
import { ResponseHead } from '../message/response-head.ts';
import { parseResponseHead } from '../message/response-parser.ts';
import { trailerLines } from '../message/trailer-lines.ts';
import type { Deadlines, Watched } from './deadlines.ts';
import { type Introduction, introduceWire } from './introduction.ts';
import { SendProgress } from './send-progress.ts';
import { connect, type Destination, type Receiver, release, type Wire } from './wire-socket.ts';

/** Reasons why an attempt ended without a complete response. `shortage`: this process lacked descriptors, local ports or memory, which says nothing about the peer. */
export type AttemptFailure = 'connect-failed' | 'connect-timeout' | 'reset' | 'head-timeout' | 'bad-response' | 'shortage';

/** Receives one response, and the events of its connection. */
export interface ResponseSink {
  /** Longest silence of the upstream while it must read the request or respond, in milliseconds; 0: no limit. */
  readonly silenceMs: number;
  /** Limit of a response head in octets. */
  readonly headBytes: number;
  /** Protocols that the request offers to switch to, as `offeredProtocols` makes them; '': none. */
  readonly protocols: string;
  /** Edits of the response head, which cover its trailers; undefined: none. */
  readonly edits?: EditedFields | undefined;
  /** A new connection is established: the request can be sent. */
  connected(connection: ClientConnection): void;
  /** A response head, also of an interim response (1xx). Valid only during the call. */
  head(head: ResponseHead): void;
  /**
   * The upstream switches to one of the `protocols`. `head` is its 101 response; octets [start, end) of `buffer` followed it. The connection
   * must be given away by `release` during the call, or abandoned.
   */
  switched(head: ResponseHead, buffer: Buffer, start: number, end: number): void;
  responseData(buffer: Buffer, start: number, end: number): void;
  /** The response is complete; `trailers` are complete lines. The connection is already back in its pool, or closed. */
  responseEnd(trailers: string): void;
  /** There will be no complete response. The connection is closed. */
  failed(failure: AttemptFailure, reason: string): void;
  /** All octets of one read have been passed on. */
  turnEnd(): void;
  /** The upstream has read what was sent: more can be sent. */
  upstreamDrained(): void;
  /** Health checks say that the upstream hangs, and its response has not begun: the connection may be abandoned for another upstream. */
  doubted(): void;
  /** One of the methods above threw, which is a bug. The connection is closed. */
  crashed(error: unknown): void;
}

/** The owner of a connection to an upstream: its pool. */
export interface ClientConnectionOwner {
  readonly destination: Destination;
  readonly deadlines: Deadlines;
  /** Question that a new connection asks before it is used; undefined: the peer is not in doubt. */
  readonly introduction?: Introduction | undefined;
  /** Takes back a connection whose exchange ended well, so that it can carry another. */
  put(connection: ClientConnection): void;
  /** The connection is closed. May be called more than once. */
  closed(connection: ClientConnection): void;
}

const maxFields = 256;
/** From this many octets of a body on, much of it may still wait in the kernel's send buffer when everything seems to be sent. */
const watchedBodyBytes = 64 * 1024;
/** Limit of the interim responses (1xx) to one request. */
const maxInterimResponses = 64;

/** Milliseconds before the end of the peer's idle timeout at which an idle connection is closed; half of that timeout if it is short. */
const keepAliveMarginMs = 1000;

/** Shared by all connections, because a head is used only while its octets are being read. */
const sharedHead = new ResponseHead(maxFields);
const sharedLimits = { headBytes: 0, targetBytes: 0, fields: maxFields };

/** One connection to an upstream. Carries one exchange after another. */
export class ClientConnection implements Receiver, Watched, BodySink {
  deadline = 0;
  readonly wire: Wire;
  /** The connection has carried an exchange before, so the server may close it just as the next request is sent. */
  reused = false;
  /** Time of the deadlines after which the connection carries no further exchange. */
  keptUntil = Number.POSITIVE_INFINITY;
  /** Milliseconds that the peer keeps an idle connection, less a margin, as far as it said so. */
  peerIdleMs = Number.POSITIVE_INFINITY;
  /** Octets of the response to the current exchange have arrived. */
  heard = false;
  readonly #owner: ClientConnectionOwner;
  #connected = false;
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

  /** Opens a connection for an exchange, whose response `sink` receives. */
  constructor(owner: ClientConnectionOwner, sink: ResponseSink, connectMs: number) {
    this.#owner = owner;
    this.#sink = sink;
    this.deadline = owner.deadlines.in(connectMs);
    owner.deadlines.watch(this);
    this.wire = connect(owner.destination, this, connectMs, () => {
      const { introduction } = owner;
      if (introduction === undefined) this.#ready();
      else introduceWire(this.wire, introduction, this, () => this.#ready());
    });
  }

  #ready(): void {
    this.#connected = true;
    this.deadline = 0;
    this.#sink?.connected(this);
  }

  /** Begins an exchange. The caller writes its request head to the outbox, before or after. */
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

  /** Notes that more of the request was sent: so many octets of its body. */
  progress(requestComplete: boolean, octets = 0): void {
    this.#requestComplete = requestComplete;
    this.#bodySent += octets;
    this.expectAnswer();
  }

  /**
   * Restarts the limit of the upstream's silence, if the upstream has to act: respond to a complete request, or read what was sent. While
   * it reads a large body, however slowly, it is not silent.
   */
  expectAnswer(): void {
    if (this.#sink === undefined) return;
    const mustAct = !this.#paused && (this.#requestComplete || this.wire.writableNeedDrain);
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
    const sink = this.#sink;
    if (!this.#connected) {
      this.#fail('connect-failed', 'closed before the connection was secured');
      return;
    }
    if (sink === undefined || !this.#headSeen || !this.#body?.untilClose) {
      this.#fail('reset', this.wire.failure?.message ?? 'closed before the response was complete');
      return;
    }
    this.#destroy();
    this.#end(sink, '');
  }

  drained(): void {
    this.expectAnswer();
    this.#sink?.upstreamDrained();
  }

  closed(error: Error | undefined): void {
    this.#owner.deadlines.unwatch(this);
    this.#owner.closed(this);
    const reason = error === undefined ? 'closed before the response was complete' : connectErrorText(error);
    const kind = isShortage(error) ? 'shortage' : this.#connected ? 'reset' : 'connect-failed';
    this.#fail(kind, reason);
  }

  crashed(error: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) throw error;
    this.abandon();
    sink.crashed(error);
  }

  expire(): void {
    if (this.#sink === undefined) this.#destroy();
    else if (!this.#connected) this.#fail('connect-timeout', 'no connection in time');
    else if (this.#progress?.waiting)
      this.#progress.look((next) => {
        if (next === undefined) this.#timedOut();
        else this.deadline = next;
      });
    else this.#timedOut();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.wire.pause();
    this.#progress?.end();
    this.deadline = 0;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
    this.expectAnswer();
  }

  /** Ends the exchange early. Octets that still arrive would belong to it, so the connection is closed. */
  abandon(): void {
    this.#sink = undefined;
    this.#destroy();
  }

  /** Gives the connection away as an ordinary stream, no longer HTTP. */
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
    this.wire.end();
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
    if (head.idleSeconds >= 0) this.#heed(head.idleSeconds);
    this.#nominated = head.nominated;
    this.#body = BodyReader.ofResponse(head, this.#method);
    sink.head(head);
    return this.#sink === sink;
  }

  /** Takes note of how long the peer keeps an idle connection. A request sent just before that time ends would meet its FIN. */
  #heed(idleSeconds: number): void {
    const ms = idleSeconds * 1000;
    this.peerIdleMs = ms - Math.min(keepAliveMarginMs, ms / 2);
    if (this.peerIdleMs === 0) this.#keepAlive = false;
  }

  #complete(sink: ResponseSink, clean: boolean): void {
    this.#progress?.end();
    // A server that sent no 100 may read the body as its next request (RFC 9110 section 10.1.1 lets it close instead).
    const whole = this.#requestComplete && !this.#awaitsContinue;
    const reusable = clean && this.#keepAlive && whole && !this.#body?.untilClose && this.wire.writableLength === 0;
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
    this.#owner.closed(this);
    this.wire.destroy();
  }
}
