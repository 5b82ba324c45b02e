import type net from 'node:net';
import { processDeadlines } from '../http1/connection/deadlines.ts';
import type { AttemptFailure, ResponseSink } from '../http1/connection/response-sink.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { Blame } from './blame.ts';
import type { ForwardedExchange, PassedExchange } from './forwarded-exchange.ts';
import type { MessageConnection, Told } from './message-connection.ts';
import { type InnerSide, PassageClient, type PassageOwner } from './passage-client.ts';
import type { ResponseMessages } from './response-messages.ts';
import type { Rewrite } from './rewrite.ts';
import { streamPair } from './stream-pair.ts';
import type { Upstream } from './upstream.ts';

/** In place of the length of a body. */
const chunked = -2;

/**
 * The way of one exchange from a role of this process to a second one, as if over a connection. The first role's forwarding sees a server that it
 * sends a request to, and whose silence it limits; the second role sees an exchange with the same client. Heads and octets pass as they are.
 */
export class Passage implements MessageConnection, InnerSide, Told {
  heard = false;
  /** Its place among those of the owner that are in flight; -1: it is none of them. */
  place: number;
  /** Edits of the response's head by the second role. */
  edits: EditedFields | undefined;
  /** The request has been passed on as a whole. */
  complete = false;
  /** The second role takes no more of the request at present. */
  full = false;
  /** The first role takes no more of the response at present. */
  stopped: ResponseMessages['full'] = 'no';
  readonly #owner: PassageOwner;
  /** Time of the deadlines after which the second role has been silent for too long; 0: none. */
  #deadline = 0;
  /** Undefined: the exchange has ended for the first role. */
  #sink: ResponseSink | undefined;
  /** Undefined: it has ended for the second role. */
  #inner: PassedExchange | undefined;
  #head: RequestHead | undefined;
  // The head as it came: the second role may change it for its own upstreams.
  #contentLength = -1;
  #expectContinue = false;
  /** The second role's end of the tunnel that the exchange becomes. */
  #innerEnd: net.Socket | undefined;

  /** @param place that it gets */
  constructor(owner: PassageOwner, place: number) {
    this.#owner = owner;
    this.place = place;
  }

  get wire(): undefined {
    return undefined;
  }

  get reused(): boolean {
    return false;
  }

  get told(): Told {
    return this;
  }

  get blame(): Blame | undefined {
    return this.#inner?.blame;
  }

  get consumer(): string | undefined {
    return this.#inner?.consumer;
  }

  get home(): string | undefined {
    return this.#inner?.home;
  }

  get sink(): ResponseSink | undefined {
    return this.#sink;
  }

  // From the first role

  begin(sink: ResponseSink): void {
    this.#sink = sink;
  }

  head(exchange: ForwardedExchange, _upstream: Upstream, _rewrite: Rewrite | undefined, whole: boolean): void {
    const { head } = exchange;
    this.#head = head;
    this.#contentLength = head.chunked ? chunked : head.contentLength;
    this.#expectContinue = head.expectContinue;
    this.complete = whole;
    this.expectAnswer();
    const client = new PassageClient(this, this.#owner, exchange);
    const inner = exchange.passOn(client, client);
    this.#inner = inner;
    try {
      this.#owner.handler.request(inner);
    } catch (error) {
      inner.crashed(error);
    }
  }

  body(buffer: Buffer, start: number, end: number): void {
    this.#inner?.data(buffer, start, end);
    this.#inner?.turnEnd();
  }

  end(): void {
    this.complete = true;
    this.#inner?.end();
  }

  progress(): void {
    this.expectAnswer();
  }

  expectAnswer(): void {
    const mustAct = this.#sink !== undefined && this.complete && this.stopped === 'no';
    this.#deadline = mustAct ? processDeadlines.in((this.#sink as ResponseSink).silenceMs) : 0;
  }

  pause(briefly = false): void {
    this.stopped = briefly ? 'briefly' : 'yes';
    this.#deadline = 0;
  }

  resume(): void {
    if (this.stopped === 'no') return;
    this.stopped = 'no';
    this.expectAnswer();
    this.#inner?.clientDrained();
  }

  abandon(): void {
    if (this.#sink === undefined) return;
    this.#leave();
    const head = this.#head;
    if (head !== undefined) {
      head.chunked = this.#contentLength === chunked;
      head.contentLength = head.chunked ? -1 : this.#contentLength;
      head.expectContinue = this.#expectContinue;
    }
    this.#inner?.abort(undefined);
  }

  release(): net.Socket {
    const [outer, inner] = streamPair();
    this.#innerEnd = inner;
    this.#leave();
    return outer;
  }

  // From the second role

  /** The response is complete. */
  finished(trailers: string): void {
    const sink = this.#sink;
    this.#leave();
    sink?.responseEnd(trailers);
  }

  /** The exchange has ended for the second role. Unless its response was complete, there will be none. */
  left(): void {
    this.#inner = undefined;
    this.#fail('reset', 'the server in this process broke off its response');
  }

  /** The second role's end of the tunnel that the exchange has become; it is cut off if the first role did not want one. */
  takeEnd(): net.Socket {
    if (this.#innerEnd !== undefined) return this.#innerEnd;
    const [outer, inner] = streamPair();
    outer.destroy();
    return inner;
  }

  /** Ends the exchange because the second role stops. */
  cut(failure: AttemptFailure): void {
    this.#fail(failure, 'the server in this process has stopped');
  }

  /** Called at each tick of the deadlines: ends the exchange if the second role has been silent for too long. */
  look(now: number): void {
    if (this.#deadline === 0 || this.#deadline > now) return;
    try {
      this.#fail('head-timeout', this.heard ? 'no more data of the response in time' : 'no response in time');
    } catch (error) {
      this.crashed(error);
    }
  }

  crashed(error: unknown): void {
    const sink = this.#sink;
    if (sink === undefined) throw error;
    this.abandon();
    sink.crashed(error);
  }

  #fail(failure: AttemptFailure, reason: string): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.abandon();
    sink.failed(failure, reason);
  }

  #leave(): void {
    this.#sink = undefined;
    this.#deadline = 0;
  }
}
