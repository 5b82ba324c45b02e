import type net from 'node:net';
import { outbox } from '../http1/connection/outbox.ts';
import { readTime } from '../http1/connection/read-time.ts';
import type { UpstreamConnection } from '../http1/connection/response-sink.ts';
import { mustDrain } from '../http1/connection/wire.ts';
import type { BodyObserver, BodyStream } from '../http1/message/bodies.ts';
import { EditedFields } from '../http1/message/edited-fields.ts';
import type { ResponseView } from '../http1/message/message-view.ts';
import type { ResponseHead } from '../http1/message/response-head.ts';
import type { AnswerFields, Failure } from './contract.ts';
import type { ExchangeClient } from './exchange-client.ts';
import { failures } from './failures.ts';
import { mayTell } from './introduced-balancers.ts';
import { ownAnswer, problem, writeOwnAnswer } from './own-answer.ts';
import { strikeOwnCookies } from './own-cookies.ts';
import { answerInMessages, parsedHead } from './parsed-head.ts';
import { fieldsOfAnswer, type ResponseOwner, toldLines } from './response-owner.ts';
import { ResponsePipeline } from './response-pipeline.ts';
import { heldResponseHead, writeInterimHead, writeResponseHead } from './write-response-head.ts';

/** Fields about the octets of a body, which do not hold once it is changed. */
const aboutOctets = ['content-length', 'content-md5', 'content-digest', 'digest', 'repr-digest', 'accept-ranges'] as const;

/**
 * Writes the response of one exchange to its client: from an upstream (`interim`, `take`, `begin`, `data`, `end`) or made here (`respond`,
 * `fail`). It ends exactly once, whole or broken off, and counts the exchange then.
 */
export class ResponseWriter {
  readonly client: ExchangeClient;
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
  readonly #startedAt = readTime();
  #head: ResponseHead | undefined;
  /** Edits of the response head; they cover its trailers too. */
  edits: EditedFields | undefined;
  #chunked = false;
  #close = false;
  /** The client has got 100 (Continue). */
  #continued = false;
  /** Steps that the body passes; undefined: it is sent as it comes. */
  #pipeline: ResponsePipeline | undefined;

  constructor(owner: ResponseOwner, client: ExchangeClient) {
    this.#owner = owner;
    this.client = client;
  }

  // A response from an upstream

  /** Sends 100 (Continue), unless it was sent or the final response has begun. */
  continue(): void {
    if (this.begun || this.#continued) return;
    const { wire, messages } = this.client;
    this.#continued = true;
    if (messages === undefined) outbox.to(wire).text('HTTP/1.1 100 Continue\r\n\r\n');
    else messages.interim(parsedHead('HTTP/1.1 100 Continue\r\n'));
  }

  /** Sends an interim response; never to HTTP/1.0, which has none (RFC 9110 section 15.2). */
  interim(head: ResponseHead): void {
    strikeOwnCookies(head.fields);
    const { wire, messages } = this.client;
    if (this.#owner.head.minor === 0 || (head.status === 100 && this.#continued)) return;
    this.#continued ||= head.status === 100;
    if (messages === undefined) writeInterimHead(outbox.to(wire), head);
    else messages.interim(head);
  }

  /** Takes the final response head. Until `begin` sends it, it can be edited through `view`. @param edits those that have been made already */
  take(head: ResponseHead, edits: EditedFields | undefined): void {
    strikeOwnCookies(head.fields);
    this.#head = head;
    this.edits = edits;
  }

  /** The response head between `take` and `begin`. Throws at any other time. */
  get view(): ResponseView {
    const head = this.#head;
    if (head === undefined) throw new Error('there is no response to look at: it can be read only while Route.respond runs');
    this.edits ??= new EditedFields(head.fields);
    return { status: head.status, headers: this.edits };
  }

  // Steps that the body passes; added between `take` and `begin`

  observe(observer: BodyObserver): void {
    this.#steps().observe(observer);
  }

  /** @returns false if there is no body */
  transform(make: () => BodyStream): boolean {
    if (!this.#hasBody) return false;
    this.#steps().transform(make());
    for (const name of aboutOctets) this.view.headers.remove(name);
    return true;
  }

  /** @returns false if there is no body */
  replace(most: number, change: (body: Buffer) => Buffer): boolean {
    if (!this.#hasBody) return false;
    this.#steps().replace(most, change);
    for (const name of aboutOctets) this.view.headers.remove(name);
    return true;
  }

  /**
   * Sends the head that was taken, unless the route has answered by itself meanwhile, or a step holds it until the body is complete.
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
    const pipeline = this.#pipeline;
    let framing = head.framingOf(request.method);
    if (pipeline !== undefined) {
      pipeline.flushes = framing !== 'length';
      if (pipeline.resizes) framing = 'until-close';
      if (pipeline.holdsHead || pipeline.instead !== undefined) {
        pipeline.heldHead = heldResponseHead(head, edits, exposed ? `X-Served-By: ${server}\r\n` : '');
        return;
      }
    }
    if (this.client.messages !== undefined) {
      // The length of the body may not be that of the head any more.
      if (pipeline?.resizes) this.client.messages.head(parsedHead(heldResponseHead(head, edits, '')), undefined, this.#told);
      else this.client.messages.head(head, edits, this.#told);
      return;
    }
    const takesChunks = request.minor === 1;
    const unknownLength = framing === 'chunked' || framing === 'until-close';
    const wouldBeChunked = framing === 'none' && head.chunked && takesChunks && head.status !== 204;
    this.#chunked = takesChunks && unknownLength;
    if (unknownLength && !takesChunks) this.#close = true;
    const lines = this.#framingLines(this.#chunked || wouldBeChunked);
    writeResponseHead(outbox.to(this.client.wire), head, edits, exposed ? `X-Served-By: ${server}\r\n${lines}` : lines);
  }

  /** Sends octets [start, end) of `buffer` as a part of the body. */
  data(buffer: Buffer, start: number, end: number): void {
    if (this.#pipeline !== undefined) {
      this.#pipeline.data(buffer, start, end);
      return;
    }
    this.#send(buffer, start, end);
  }

  /**
   * Called when one read of the upstream has been passed on. Stops reading it while the client does not keep up; then the client's idle timeout
   * limits how long it may take to read.
   */
  pace(upstream: Pick<UpstreamConnection, 'pause'> | undefined): void {
    const { wire, messages } = this.client;
    if (messages === undefined || this.ended) outbox.flushIfPlenty();
    else messages.turnEnd();
    if (this.ended) return;
    if (this.#pipeline?.decoupled) this.#pipeline.pace(upstream);
    else if (messages !== undefined) {
      if (messages.full !== 'no') upstream?.pause(messages.full === 'briefly');
    } else if (wire.writableNeedDrain) {
      this.client.awaitDrain();
      upstream?.pause();
    } else if (wire.ending) upstream?.pause(!this.#chunked);
  }

  /** Ends the response. @param trailers trailer fields as complete lines */
  end(trailers: string): void {
    if (this.#pipeline !== undefined) {
      this.#pipeline.trailers = trailers;
      this.#pipeline.end();
    } else this.#sendEnd(trailers);
  }

  /** The client takes more. @returns true if that is no matter of the upstream, whose body passes a stream */
  drained(): boolean {
    if (this.#pipeline?.decoupled !== true) return false;
    this.#pipeline.resume();
    return true;
  }

  // A response made here

  /**
   * Sends a response for a role. If the role has seen the upstream's one, which has no body, its own is sent once that has ended, so that
   * the upstream's connection stays open.
   */
  answer(status: number, headers: AnswerFields, body: string | Buffer): void {
    const head = this.#head;
    if (this.ended || head === undefined || this.#hasBody || head.status === 101) this.respond(status, headers, body);
    else this.#steps().instead = () => this.respond(status, headers, body);
  }

  /** Sends a whole response. If another has begun, no second one can follow: breaks that off. */
  respond(status: number, headers: AnswerFields, body: string | Buffer): void {
    if (this.ended) return;
    if (!this.#answerable) {
      this.breakOff();
      return;
    }
    const { id, head } = this.#owner;
    const headOnly = head.method === 'HEAD';
    const { wire, messages } = this.client;
    const connection = messages === undefined ? this.#connection() : undefined;
    const answer = { status, headers: fieldsOfAnswer(this.#owner, status, headers, mayTell(this.client)), body };
    const about = { requestId: id, headOnly, connection };
    this.begun = true;
    this.status = status;
    this.server = undefined;
    if (!headOnly) this.octets = Buffer.byteLength(body);
    if (messages === undefined) writeOwnAnswer(outbox.to(wire), answer, about);
    else answerInMessages(messages, ownAnswer(answer, about), this);
    if (!this.ended) this.#finish();
  }

  /**
   * Sends a failure, as `respond` does.
   *
   * @param close true if the connection cannot be used again after it
   * @param more fields to add
   */
  fail(failure: Failure, close = false, more: Readonly<Record<string, string>> = {}): void {
    if (!this.ended && this.#answerable && this.#owner.replaces(failure)) return;
    if (!this.ended && this.#answerable) this.#owner.counter.answeredHere(failure.code);
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
    const { wire, messages } = this.client;
    const served = exposed ? `X-Served-By: ${server}\r\n` : '';
    if (messages === undefined) writeResponseHead(outbox.to(wire), head, this.edits, served);
    else messages.switched(head, this.edits);
    this.#head = undefined;
    this.#pipeline?.stop();
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

  /** No octet of the final response has been sent. */
  get #answerable(): boolean {
    return !this.begun || this.#pipeline?.heldHead !== undefined;
  }

  get #hasBody(): boolean {
    return this.#head !== undefined && this.#head.framingOf(this.#owner.head.method) !== 'none';
  }

  #steps(): ResponsePipeline {
    this.#pipeline ??= new ResponsePipeline({
      data: (buffer, start, end) => this.#sendPiece(buffer, start, end),
      end: () => {
        const { heldHead, trailers, instead } = this.#pipeline as ResponsePipeline;
        if (instead !== undefined) instead();
        else {
          if (heldHead !== undefined) this.#sendHeldHead(heldHead, 0);
          this.#sendEnd(trailers);
        }
      },
      takesMore: () => this.#owner.takesMore(),
      tooLarge: () => this.fail(failures.responseTooLarge),
      crashed: (error) => this.#owner.crashed(error),
    });
    return this.#pipeline;
  }

  /** Sends a piece that has passed all steps. */
  #sendPiece(buffer: Buffer, start: number, end: number): void {
    const pipeline = this.#pipeline as ResponsePipeline;
    if (pipeline.heldHead !== undefined) this.#sendHeldHead(pipeline.heldHead, end - start);
    this.#send(buffer, start, end);
    if (!pipeline.decoupled) return;
    const { wire, messages } = this.client;
    if (messages !== undefined) {
      messages.turnEnd();
      if (messages.full !== 'no') pipeline.pause();
      return;
    }
    outbox.flushIfPlenty();
    if (wire.writableNeedDrain) this.client.awaitDrain();
    if (mustDrain(wire)) pipeline.pause();
  }

  /** @param octets of the body, if it leaves in one piece */
  #sendHeldHead(text: string, octets: number): void {
    const { whole } = this.#pipeline as ResponsePipeline;
    (this.#pipeline as ResponsePipeline).heldHead = undefined;
    const framing = whole ? `Content-Length: ${octets}\r\n` : '';
    const { wire, messages } = this.client;
    if (messages !== undefined) {
      messages.head(parsedHead(text + framing), undefined, this.#told);
      return;
    }
    this.#chunked = !whole && this.#owner.head.minor === 1;
    if (!whole && !this.#chunked) this.#close = true;
    outbox.to(wire).text(`${text}${framing}${this.#framingLines(this.#chunked)}\r\n`);
  }

  #send(buffer: Buffer, start: number, end: number): void {
    this.octets += end - start;
    const { wire, messages } = this.client;
    if (messages !== undefined) messages.data(buffer, start, end);
    else if (this.#chunked) outbox.to(wire).chunk(buffer, start, end);
    else outbox.to(wire).octets(buffer, start, end);
  }

  #sendEnd(trailers: string): void {
    const { wire, messages } = this.client;
    const taken = this.#owner.head.acceptsTrailers ? trailers : '';
    if (messages !== undefined) messages.end(taken);
    else if (this.#chunked) outbox.to(wire).text(`0\r\n${taken}\r\n`);
    if (!this.ended) this.#finish();
  }

  /** Lines of the head about its framing, its connection and the culprit. */
  #framingLines(chunked: boolean): string {
    const connection = this.#connection();
    const lines = chunked ? 'Transfer-Encoding: chunked\r\n' : '';
    return connection ? `${lines}Connection: ${connection}\r\n${this.#told}` : lines + this.#told;
  }

  get #told(): string {
    return toldLines(this.#owner, this.status, this.client);
  }

  #finish(): void {
    this.#end(false);
    this.client.finish(this.#close);
  }

  #end(aborted: boolean): void {
    this.ended = true;
    this.aborted = aborted;
    this.#pipeline?.stop();
    this.#owner.ended();
    this.#count();
  }

  #count(): void {
    const { counter, callerCounter } = this.#owner;
    // An answer made within the read of its request has taken time, too.
    const known = readTime();
    const now = known === this.#startedAt ? performance.now() : known;
    this.durationMs = now - this.#startedAt;
    counter.ended(this.status, this.durationMs, now);
    callerCounter?.ended(this.status, this.durationMs, now);
    counter.responseOctets += this.octets;
    if (this.aborted) counter.aborted++;
    this.#owner.counted();
  }
}
