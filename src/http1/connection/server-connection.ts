import type net from 'node:net';
import { processDescriptors } from '../../model/descriptors.ts';
import { unmapped } from '../../model/ip-address.ts';
import { givesWay, inUse } from '../../model/longest-idle.ts';
import type { ConnectionEnds } from '../../model/proxy-protocol.ts';
import { type SecuredConnection, type SecureSocket, tlsRecord } from '../../tls/secured-connection.ts';
import { BodyReader } from '../message/body-reader.ts';
import type { EditedFields } from '../message/edited-fields.ts';
import { LF } from '../message/octets.ts';
import type { RequestHead } from '../message/request-head.ts';
import { parseRequestHead } from '../message/request-parser.ts';
import { trailerLines } from '../message/trailer-lines.ts';
import { type WireFault, wireFaults } from '../message/wire-fault.ts';
import { BodyPace } from './body-pace.ts';
import type { Deadlines, Watched } from './deadlines.ts';
import { lingering, lingerMs } from './lingering.ts';
import { outbox } from './outbox.ts';
import { discard, type RequestSink } from './request-sink.ts';
import { SendProgress } from './send-progress.ts';
import type { ServerConnectionSettings } from './server-connection-settings.ts';
import { giveHeadBack, takeHead } from './spare-heads.ts';
import type { Receiver, Wire } from './wire.ts';
import { accept, release, reset } from './wire-socket.ts';

/** The owner of client connections, a listener. Receives their requests. */
export interface ServerConnectionOwner {
  readonly settings: ServerConnectionSettings;
  readonly deadlines: Deadlines;
  /** A request with a valid head has arrived. `head` may be used until `finish`, its octets only during the call, unless retained. */
  request(connection: ServerConnection, head: RequestHead): RequestSink;
  /** The octets received are not a valid request: responds with the fault and closes the connection. */
  refuse(connection: ServerConnection, fault: WireFault): void;
  closed(connection: ServerConnection): void;
  /** A connection begins with TLS: true if it is secured from now on, starting with these octets. Undefined: none ever is. */
  secure?(connection: ServerConnection, octets: Buffer): boolean;
  /** The connection was idle, and is closed because its descriptor is needed. */
  gaveWay(connection: ServerConnection): void;
  /** Reports a bug that belongs to no request. The connection is closed. */
  fault(error: unknown): void;
}

/**
 * `head`: reading a head, or idle · `body`: reading a body · `answer`: the request is read, the response is not complete ·
 * `closing`: the last response was sent · `released`: no longer HTTP.
 */
type Phase = 'head' | 'body' | 'answer' | 'closing' | 'released';

/** One client's connection. Reads requests one after another, and the next one only after the response to the one before. */
export class ServerConnection implements Receiver, Watched {
  deadline = 0;
  readonly wire: Wire;
  readonly peer: string;
  /** Ends of the client's connection, as a proxy announced them; undefined: those of `wire`. */
  readonly announced: ConnectionEnds | undefined;
  /** The TLS side of the connection; undefined: it is plain. */
  readonly secured: SecuredConnection | undefined;
  /** Proof of the peer that it is a balancer, as it was sent; undefined: none was. */
  proof: string | undefined;
  readonly #owner: ServerConnectionOwner;
  #phase: Phase = 'head';
  #head: RequestHead | undefined;
  #sink: RequestSink = discard;
  #body: BodyReader | undefined;
  /** Made for the first body that does not come with its head. */
  #pace: BodyPace | undefined;
  /** Received octets that could not be processed yet: part of a head, or pipelined requests. */
  #held: Buffer | undefined;
  #headBegun = false;
  /** Stamp of the deadlines: when the connection was accepted, the last response ended, or lingering began. */
  #idleSince: number;
  #answered = false;
  #ended = false;
  #paused = false;
  /** Made when the client does not keep up for the first time. */
  #progress: SendProgress | undefined;
  /** After the last response: how long the client may be silent, and the time at which reading ends. 0: not lingering yet. */
  #lingerSilenceMs = lingerMs.silent;
  #lingerUntil = 0;
  /** The octets of one read are being processed. */
  #inTurn = false;

  constructor(accepted: SecureSocket, owner: ServerConnectionOwner, announced?: ConnectionEnds, secured?: SecuredConnection) {
    this.#owner = owner;
    this.announced = announced;
    this.secured = secured;
    this.peer = announced?.source ?? unmapped(accepted.remoteAddress ?? '');
    this.#idleSince = owner.deadlines.stamp() - givesWay.unusedSooner;
    this.wire = accept(accepted, this);
    this.deadline = owner.deadlines.in(owner.settings.idleMs);
    owner.deadlines.watch(this);
  }

  get idle(): boolean {
    return this.#phase === 'head';
  }

  idleSince(): number {
    if (this.#phase === 'closing' && this.#lingerUntil > 0) return this.#idleSince + givesWay.lingeringLater;
    const idle = this.#phase === 'head' && !this.#headBegun && !this.#inTurn && this.wire.writableLength === 0;
    return idle ? this.#idleSince : inUse;
  }

  giveWay(): void {
    this.#phase = 'closing';
    processDescriptors.closed(this.wire);
    this.#owner.gaveWay(this);
    this.wire.destroy();
  }

  /** The body of the request has been read to its end. */
  get bodyComplete(): boolean {
    return this.#phase !== 'body';
  }

  /** True if so little of the request's body is left that it is worth reading, just to keep the connection. */
  get bodyNearEnd(): boolean {
    return this.#phase !== 'body' || (!this.#head?.expectContinue && this.#body?.nearEnd === true);
  }

  /** Trailer fields of the request as complete lines, once its body is complete. @param edits of the head, which cover them */
  trailers(edits: EditedFields | undefined): string {
    return trailerLines(this.#body?.trailers, this.#head?.nominated ?? [], edits);
  }

  octets(buffer: Buffer, start: number, end: number): void {
    if (this.#phase === 'closing') {
      if (this.#lingerUntil > 0) this.#lingerOn();
      return;
    }
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
    const lineEnded = buffer.subarray(start, end).includes(LF) || held.length > this.#owner.settings.limits.headBytes;
    this.#held = lineEnded ? undefined : held;
    if (lineEnded) this.#turn(held, 0, held.length, true);
  }

  eof(): void {
    this.#ended = true;
    if (this.#phase === 'head') this.close();
    else if (this.#phase === 'closing' && this.wire.writableEnded) this.wire.destroySoon();
    else if (this.#phase === 'answer') this.deadline = this.#owner.deadlines.in(lingerMs.halfClosed);
    else if (this.#phase === 'body' && this.#answered) this.close();
    else if (this.#phase === 'body') this.#abort(undefined);
  }

  drained(): void {
    this.#progress?.end();
    if (this.#phase === 'head') {
      if (!this.#headBegun) this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
      this.#readOn();
      return;
    }
    if (this.#phase === 'answer') this.deadline = 0;
    else if (this.#phase === 'body' && !this.#paused) this.deadline = this.#bodyDeadline;
    this.#sink.clientDrained();
  }

  closed(): void {
    this.#owner.deadlines.unwatch(this);
    lingering.leave(this);
    this.#progress?.end();
    this.deadline = 0;
    this.#phase = 'closing';
    this.#abort(undefined);
    this.#owner.closed(this);
  }

  expire(): void {
    if (this.#progress?.waiting) {
      this.#progress.look((next) => {
        if (next === undefined) this.destroy();
        else this.deadline = next;
      });
    } else if (this.#phase === 'body' && !this.#answered) this.#abort(wireFaults.requestTimeout);
    else if (this.wire.writableLength > 0) this.destroy();
    else if (this.#phase === 'head' && this.#headBegun) this.#owner.refuse(this, wireFaults.requestTimeout);
    else if (this.#phase === 'head') this.close();
    else if (this.#phase !== 'answer' || !this.#sink.responding) this.wire.destroy();
  }

  crashed(error: unknown): void {
    this.#inTurn = false;
    if (this.#sink !== discard) this.#sink.crashed(error);
    else {
      this.#owner.fault(error);
      this.destroy();
    }
  }

  /** Stops reading until `resume`. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.wire.pause();
    if (this.#phase !== 'body') return;
    this.#pace?.stop(this.#owner.deadlines.now);
    if (!this.#progress?.waiting) this.deadline = 0;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.wire.resume();
    if (this.#phase !== 'body') return;
    this.#pace?.resume(this.#owner.deadlines.now);
    if (!this.#progress?.waiting) this.deadline = this.#bodyDeadline;
  }

  /** The client does not keep up. It is disconnected once it has read nothing for the idle timeout, however slow it reads till then. */
  awaitDrain(): void {
    this.#progress ??= new SendProgress(this.wire, this.#owner.deadlines);
    this.deadline = this.#progress.begin(this.#owner.settings.idleMs);
  }

  /** Ends the exchange after its complete response; `close` if the response said that the connection closes. */
  finish(close: boolean): void {
    this.#sink = discard;
    this.#answered = true;
    if (close || !this.bodyNearEnd) this.close();
    else if (this.#phase === 'answer') this.#next();
    else this.resume();
  }

  /** Closes the connection once everything written has left and the client has had time to read it. */
  close(): void {
    if (this.#phase === 'closing' || this.#phase === 'released') return;
    if (this.#phase === 'body' || (this.#phase === 'head' && (this.#headBegun || this.#inTurn))) this.#lingerSilenceMs = lingerMs.sending;
    if (this.#phase === 'head' || this.#answered) this.#head = giveHeadBack(this.#head);
    this.#phase = 'closing';
    this.#held = undefined;
    outbox.flush();
    this.resume();
    // The FIN waits, because after it the connection can no longer be reset, should the client not read the rest.
    if (this.wire.writableLength > 0) this.awaitDrain();
    this.wire.whenSent(() => this.#linger());
  }

  /** Resets the connection, so that the client cannot take a partial response for a complete one. */
  destroy(): void {
    reset(this.wire);
  }

  /** Gives the connection away as an ordinary stream, with the octets that came after the head. */
  release(): { socket: net.Socket; after: Buffer } {
    return { after: this.#held ?? Buffer.alloc(0), socket: release(this.leave()) };
  }

  /** Gives its wire away, for a protocol other than HTTP. */
  leave(): Wire {
    outbox.flush();
    this.#held = undefined;
    this.#phase = 'released';
    this.#sink = discard;
    this.deadline = 0;
    this.#progress?.end();
    this.#owner.deadlines.unwatch(this);
    return this.wire;
  }

  /** The client does not read its responses, so that more of them would only pile up in memory. */
  get #stalled(): boolean {
    return this.#phase === 'head' && this.wire.writableNeedDrain;
  }

  /** Processes the octets of one read, or held ones. @param kept `buffer` is not reused, so that the octets left over need no copy */
  #turn(buffer: Buffer, from: number, end: number, kept: boolean): void {
    this.#inTurn = true;
    let at = from;
    while (at < end && !this.#stalled) {
      const before = at;
      if (this.#phase === 'head') at = this.#readHead(buffer, at, end);
      else if (this.#phase === 'body') at = this.#readBody(buffer, at, end);
      if (at === before) break;
    }
    if (at < end && this.#phase !== 'closing') this.#hold(kept ? buffer.subarray(at, end) : Buffer.from(buffer.subarray(at, end)));
    this.#inTurn = false;
    outbox.flushIfPlenty();
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
    if (buffer[start] === tlsRecord && !this.#answered && this.#owner.secure?.(this, buffer.subarray(start, end))) return end;
    this.#head ??= takeHead();
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
    if (hasBody) this.#beginBody(head, end - start - consumed);
    const sink = this.#owner.request(this, head);
    if (!this.#answered) this.#sink = sink;
    return start + consumed;
  }

  /** @param here octets after the head that have come already */
  #beginBody(head: RequestHead, here: number): void {
    this.#body = BodyReader.ofRequest(head);
    if (this.#pace === undefined && !head.chunked && head.contentLength <= here) return;
    this.#pace ??= new BodyPace();
    this.#pace.begin(this.#owner.settings.bodyPace, this.#owner.deadlines.now);
  }

  /** Time by which the next octet of the body must come. */
  get #bodyDeadline(): number {
    const { deadlines, settings } = this.#owner;
    return this.#pace?.limit(deadlines.in(settings.idleMs)) ?? deadlines.in(settings.idleMs);
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
      this.#pace?.received(next - start, this.#owner.deadlines.now);
      if (!this.#paused) this.deadline = this.#bodyDeadline;
      return next;
    }
    this.#phase = 'answer';
    this.deadline = 0;
    if (this.#answered) this.#next();
    else this.#sink.end();
    return next;
  }

  /** Gets ready for the next request. */
  #next(): void {
    this.#phase = 'head';
    this.#body = undefined;
    this.#head = giveHeadBack(this.#head);
    this.#idleSince = this.#owner.deadlines.stamp();
    if (this.wire.writableLength > 0) this.awaitDrain();
    else this.deadline = this.#owner.deadlines.in(this.#owner.settings.idleMs);
    if (!this.#inTurn) this.#readOn();
  }

  /** Continues with the held octets, or reads more; but only once the client has read its responses. */
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

  /** Sends the FIN after everything else was sent, and reads for a while longer. */
  #linger(): void {
    if (this.wire.destroyed) return;
    this.#progress?.end();
    this.#idleSince = this.#owner.deadlines.stamp();
    this.#lingerUntil = this.#owner.deadlines.now + lingerMs.total;
    this.#lingerOn();
    lingering.enter(this);
    this.wire.end();
    if (this.#ended) this.wire.destroySoon();
  }

  #lingerOn(): void {
    this.deadline = Math.min(this.#owner.deadlines.now + this.#lingerSilenceMs, this.#lingerUntil);
  }

  #abort(fault: WireFault | undefined): void {
    const sink = this.#sink;
    sink.abort(fault);
    if (this.#sink === sink) this.#sink = discard;
  }
}
