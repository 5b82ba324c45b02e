import { BodyReader } from '../message/body-reader.ts';
import type { ChunkSink } from '../message/chunked.ts';
import { parseResponseHead, ResponseHead } from '../message/response-head.ts';
import { trailerLines } from '../message/trailer-lines.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { Watched } from './deadlines.ts';
import { connect, type Receiver, type Wire } from './wire-socket.ts';

/** Why an attempt ended without a complete response. */
export type AttemptFailure = 'connect-failed' | 'connect-timeout' | 'reset' | 'head-timeout' | 'bad-response';

/** The receiving end of one response, and of what happens to its connection meanwhile. */
export interface ResponseSink {
  /** For how long the upstream may be silent when it is its turn, in milliseconds; 0: no limit. */
  readonly silenceMs: number;
  /** Octets that a response head may have. */
  readonly headBytes: number;
  /** Connected: the request can be sent now. Only for a new connection. */
  connected(connection: ClientConnection): void;
  /** A head, interim ones (1xx) too; valid for the call. */
  head(head: ResponseHead): void;
  responseData(buffer: Buffer, start: number, end: number): void;
  /** The response is complete, with these trailer fields as complete lines; the connection has found its own way back to the pool. */
  responseEnd(trailers: string): void;
  /** No complete response comes. The connection is gone. */
  failed(failure: AttemptFailure, reason: string): void;
  /** What was read in this turn has been handed over. */
  flushResponse(): void;
  /** The upstream took what was sent. */
  upstreamDrained(): void;
  /** The upstream has said nothing yet, and it is doubted that it ever will: whoever can do without it may abandon the connection. */
  doubted(): void;
  /** One of the calls above threw, which is a bug. The connection is gone. */
  crashed(error: unknown): void;
}

const mostFields = 256;
/** Interim responses (1xx) that one request may get. */
const mostInterim = 64;

/** One of them serves all: a head is looked at only while its octets are read. */
const sharedHead = new ResponseHead(mostFields);
const sharedLimits = { headBytes: 0, targetBytes: 0, fields: mostFields };

/** One connection to an upstream: carries one exchange after another. */
export class ClientConnection implements Receiver, Watched, ChunkSink {
  deadline = 0;
  readonly wire: Wire;
  /** It has carried an exchange before, so the server may close it just as the next is sent. */
  reused = false;
  /** Octets of an answer to the present exchange have come. */
  heard = false;
  readonly #pool: ConnectionPool;
  #connected = false;
  #sink: ResponseSink | undefined;
  #method = '';
  #requestComplete = false;
  /** The request asks for 100 (Continue), which has not come. */
  #awaitsContinue = false;
  #headSeen = false;
  #interim = 0;
  #keepAlive = false;
  #nominated: readonly string[] = [];
  #body: BodyReader | undefined;
  #held: Buffer | undefined;
  #paused = false;

  /** Connects on behalf of `sink`. */
  constructor(pool: ConnectionPool, sink: ResponseSink, connectMs: number) {
    this.#pool = pool;
    this.#sink = sink;
    this.deadline = pool.deadlines.in(connectMs);
    pool.deadlines.watch(this);
    this.wire = connect(pool.destination, this, () => {
      this.#connected = true;
      this.deadline = 0;
      this.#sink?.connected(this);
    });
  }

  /** An exchange begins: its request head has been, or is about to be, put into the outbox. */
  begin(sink: ResponseSink, request: { readonly method: string; readonly expectContinue: boolean }, requestComplete: boolean): void {
    this.#sink = sink;
    this.#method = request.method;
    this.#awaitsContinue = request.expectContinue;
    this.#requestComplete = requestComplete;
    this.heard = false;
    this.#headSeen = false;
    this.#interim = 0;
    this.#body = undefined;
    this.expectAnswer();
  }

  /** More of the request was sent. */
  progress(requestComplete: boolean): void {
    this.#requestComplete = requestComplete;
    this.expectAnswer();
  }

  /** The upstream's time begins anew, if it is its turn: to answer a request that it has, or to read what it was sent. */
  expectAnswer(): void {
    if (this.#sink === undefined) return;
    const itsTurn = !this.#paused && (this.#requestComplete || this.wire.writableNeedDrain);
    this.deadline = itsTurn ? this.#pool.deadlines.in(this.#sink.silenceMs) : 0;
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
      const lineEnded = buffer.subarray(start, end).includes(0x0a) || held.length > sink.headBytes;
      this.#held = lineEnded ? undefined : held;
      if (lineEnded) this.#read(sink, held, 0, held.length);
    }
    sink.flushResponse();
  }

  /** Data of the response's body. */
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
      this.#fail('reset', 'closed before the response was complete');
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
    this.#pool.deadlines.unwatch(this);
    this.#pool.closed(this);
    this.#fail(this.#connected ? 'reset' : 'connect-failed', error?.message ?? 'closed before the response was complete');
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
    else this.#fail('head-timeout', this.#headSeen ? 'silence within the response' : 'no response in time');
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.wire.pause();
    this.deadline = 0;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
    this.expectAnswer();
  }

  /** The exchange is off: whatever still comes would belong to it, so the connection can't be kept. */
  abandon(): void {
    this.#sink = undefined;
    this.#destroy();
  }

  /** The upstream is taken for hung. */
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

  /** Deals with the head just read; answers whether to read on. */
  #takeHead(sink: ResponseSink): boolean {
    const head = sharedHead;
    if (head.status === 101) {
      this.#fail('bad-response', 'switched protocols without being asked');
      return false;
    }
    if (head.status < 200) {
      if (head.status === 100) this.#awaitsContinue = false;
      if (++this.#interim > mostInterim) {
        this.#fail('bad-response', 'too many interim responses');
        return false;
      }
      sink.head(head);
      return this.#sink === sink;
    }
    this.#headSeen = true;
    this.#keepAlive = head.keepAlive;
    this.#nominated = head.nominated;
    this.#body = BodyReader.ofResponse(head, this.#method);
    sink.head(head);
    return this.#sink === sink;
  }

  #complete(sink: ResponseSink, clean: boolean): void {
    // Without a 100, a server may take the body for what comes after its response (RFC 9110 section 10.1.1 lets it close instead).
    const whole = this.#requestComplete && !this.#awaitsContinue;
    const reusable = clean && this.#keepAlive && whole && !this.#body?.untilClose && this.wire.writableLength === 0;
    const trailers = trailerLines(this.#body?.trailers, this.#nominated);
    this.#body = undefined;
    if (reusable) this.#pool.put(this);
    else this.#destroy();
    this.#end(sink, trailers);
  }

  /** The sink stays until it was told, unless the next exchange is here by then: so it is known whom a bug meets. */
  #end(sink: ResponseSink, trailers: string): void {
    sink.responseEnd(trailers);
    if (this.#sink === sink) this.#sink = undefined;
  }

  #fail(failure: AttemptFailure, reason: string): void {
    this.#destroy();
    this.#sink?.failed(failure, reason);
    this.#sink = undefined;
  }

  #destroy(): void {
    this.deadline = 0;
    this.#pool.closed(this);
    this.wire.destroy();
  }
}
