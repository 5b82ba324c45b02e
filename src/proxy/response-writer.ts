import type net from 'node:net';
import { outbox } from '../http1/connection/outbox.ts';
import type { UpstreamConnection } from '../http1/connection/response-sink.ts';
import type { ServerConnection } from '../http1/connection/server-connection.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import type { ResponseView } from '../http1/message/message-view.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import { type Blame, blameField } from './blame.ts';
import type { Failure } from './contract.ts';
import type { ExchangeCounter } from './exchange-counter.ts';
import { ownAnswer, problem } from './own-answer.ts';
import { strikeOwnCookies } from './own-cookies.ts';
import { writeInterimHead, writeResponseHead } from './write-response-head.ts';

/** The exchange of a response, as its writer sees it. */
export interface ResponseOwner {
  readonly id: string;
  /** Head of the request that is answered. */
  readonly head: RequestHead;
  readonly counter: ExchangeCounter;
  /** True if the connection is to be closed after the response, because its listener is about to close. */
  readonly lameDuck: boolean;
  /** The culprit named in a 5xx answer; undefined: it does not say. */
  readonly blame?: Blame | undefined;
  /** Fields of responses that are made here. */
  readonly ownFields?: Readonly<Record<string, string>> | undefined;
  /** Called when nothing more will be sent, before the exchange is counted: what is still being done for the response must stop. */
  ended(): void;
  /** Called when the client's connection has been given away, before the exchange is counted. */
  handedOver(socket: net.Socket): void;
  /** Called once, last, when the exchange has been counted. */
  counted(): void;
}

/**
 * Writes the response of one exchange to its client: from an upstream (`interim`, `take`, `begin`, `data`, `end`) or made here (`respond`,
 * `fail`). It ends exactly once, whole or broken off, and counts the exchange then.
 */
export class ResponseWriter {
  readonly client: ServerConnection;
  /** The final response has begun to be sent, so that no other can be sent. */
  begun = false;
  /** Nothing more can be sent: the response is complete or broken off, or the connection was given away. */
  ended = false;
  /** Status that the client got; 0 if it got none. */
  status = 0;
  /** Octets of the body that were sent. */
  octets = 0;
  /** Id of the upstream that the response came from. */
  server: string | undefined;
  /** The response was broken off. */
  aborted = false;
  /** From the request's head to the end of the response; of an upgrade, to the switch. */
  durationMs = 0;
  readonly #owner: ResponseOwner;
  readonly #startedAt = performance.now();
  #head: ResponseHead | undefined;
  /** Edits of the response head; they cover its trailers too. */
  edits: EditedFields | undefined;
  #chunked = false;
  #close = false;

  constructor(owner: ResponseOwner, client: ServerConnection) {
    this.#owner = owner;
    this.client = client;
  }

  // A response from an upstream

  /** Sends 100 (Continue), unless the final response has begun. */
  continue(): void {
    if (!this.begun) outbox.to(this.client.wire).text('HTTP/1.1 100 Continue\r\n\r\n');
  }

  /** Sends an interim response; never to HTTP/1.0, which has none (RFC 9110 section 15.2). */
  interim(head: ResponseHead): void {
    strikeOwnCookies(head.fields);
    if (this.#owner.head.minor > 0) writeInterimHead(outbox.to(this.client.wire), head);
  }

  /** Takes the final response head. Until `begin` sends it, it can be edited through `view`. */
  take(head: ResponseHead): void {
    strikeOwnCookies(head.fields);
    this.#head = head;
    this.edits = undefined;
  }

  /** The response head between `take` and `begin`. Throws at any other time. */
  get view(): ResponseView {
    const head = this.#head;
    if (head === undefined) throw new Error('there is no response to look at: it can be read only while Route.respond runs');
    this.edits ??= new EditedFields(head.fields);
    return { status: head.status, headers: this.edits };
  }

  /**
   * Sends the head that was taken, unless the route has answered by itself meanwhile.
   *
   * @param server id of the upstream that sent it
   * @param exposed true if the response names that id to the client
   */
  begin(server: string, exposed: boolean): void {
    if (this.ended) return;
    const head = this.#head as ResponseHead;
    const { edits } = this;
    this.#head = undefined;
    this.begun = true;
    this.status = head.status;
    this.server = server;
    const request = this.#owner.head;
    const framing = head.framingOf(request.method);
    const takesChunks = request.minor === 1;
    const unknownLength = framing === 'chunked' || framing === 'until-close';
    const wouldBeChunked = framing === 'none' && head.chunked && takesChunks && head.status !== 204;
    this.#chunked = takesChunks && unknownLength;
    if (unknownLength && !takesChunks) this.#close = true;
    const connection = this.#connection();
    let own = exposed ? `X-Served-By: ${server}\r\n` : '';
    if (this.#chunked || wouldBeChunked) own += 'Transfer-Encoding: chunked\r\n';
    if (connection) own += `Connection: ${connection}\r\n`;
    if (head.status >= 500 && this.#owner.blame) own += `${blameField}: ${this.#owner.blame}\r\n`;
    writeResponseHead(outbox.to(this.client.wire), head, edits, own);
  }

  /** Sends octets [start, end) of `buffer` as a part of the body. */
  data(buffer: Buffer, start: number, end: number): void {
    const out = outbox.to(this.client.wire);
    this.octets += end - start;
    if (this.#chunked) out.chunk(buffer, start, end);
    else out.octets(buffer, start, end);
  }

  /**
   * Called when one read of the upstream has been passed on. Stops reading it while the client does not keep up; then the client's idle timeout
   * limits how long it may take to read.
   */
  pace(upstream: UpstreamConnection | undefined): void {
    outbox.flushIfPlenty();
    if (this.ended) return;
    const { wire } = this.client;
    if (wire.writableNeedDrain) {
      this.client.awaitDrain();
      upstream?.pause();
    } else if (wire.ending) upstream?.pause(!this.#chunked);
  }

  /** Ends the response. @param trailers trailer fields as complete lines */
  end(trailers: string): void {
    if (this.#chunked) outbox.to(this.client.wire).text(`0\r\n${this.#owner.head.acceptsTrailers ? trailers : ''}\r\n`);
    this.#finish();
  }

  // A response made here

  /** Sends a whole response. If another has begun, no second one can follow: breaks that off. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    if (this.ended) return;
    if (this.begun) {
      this.breakOff();
      return;
    }
    const { id, head } = this.#owner;
    const headOnly = head.method === 'HEAD';
    const { blame, ownFields } = this.#owner;
    const told = status >= 500 && blame ? { ...headers, [blameField]: blame } : headers;
    const fields = ownFields === undefined ? told : { ...told, ...ownFields };
    const answer = ownAnswer({ status, headers: fields, body }, { requestId: id, headOnly, connection: this.#connection() });
    outbox.to(this.client.wire).octets(answer, 0, answer.length);
    this.begun = true;
    this.status = status;
    if (!headOnly) this.octets = Buffer.byteLength(body);
    this.#finish();
  }

  /**
   * Sends a failure, as `respond` does.
   *
   * @param close true if the connection cannot be used again after it
   * @param more fields to add
   */
  fail(failure: Failure, close = false, more: Readonly<Record<string, string>> = {}): void {
    if (!this.ended && !this.begun) this.#owner.counter.answeredHere(failure.code);
    this.#close ||= close;
    const { status, headers, body } = problem(failure, this.#owner.id);
    this.respond(status, Object.assign(headers, more), body);
  }

  /** Ends a response that can't be completed: the client sees its connection break, not a response that looks whole. */
  breakOff(): void {
    if (this.ended) return;
    this.#end(true);
    this.client.destroy();
  }

  // A connection that stops being HTTP

  /**
   * Sends the 101 that was taken, counts the exchange, and gives the client's connection away as an ordinary stream, with the octets that
   * came after the request's head. `server` and `exposed` are as for `begin`.
   */
  switchProtocols(server: string, exposed: boolean): { socket: net.Socket; after: Buffer } {
    const head = this.#head as ResponseHead;
    writeResponseHead(outbox.to(this.client.wire), head, this.edits, exposed ? `X-Served-By: ${server}\r\n` : '');
    this.#head = undefined;
    this.begun = true;
    this.ended = true;
    this.status = head.status;
    this.server = server;
    const released = this.client.release();
    this.#owner.handedOver(released.socket);
    this.#count();
    return released;
  }

  /** Decides whether the connection is kept; returns the value of the Connection field, or undefined if it is the default of the client's HTTP version. */
  #connection(): 'close' | 'keep-alive' | undefined {
    const { head, lameDuck } = this.#owner;
    this.#close ||= !head.keepAlive || lameDuck || !this.client.bodyNearEnd;
    if (this.#close) return 'close';
    return head.minor === 0 ? 'keep-alive' : undefined;
  }

  #finish(): void {
    this.#end(false);
    this.client.finish(this.#close);
  }

  #end(aborted: boolean): void {
    this.ended = true;
    this.aborted = aborted;
    this.#owner.ended();
    this.#count();
  }

  #count(): void {
    const { counter } = this.#owner;
    this.durationMs = performance.now() - this.#startedAt;
    counter.ended(this.status, this.durationMs);
    counter.responseOctets += this.octets;
    if (this.aborted) counter.aborted++;
    this.#owner.counted();
  }
}
