import type net from 'node:net';
import type { EditedFields } from '../message/edited-fields.ts';
import type { ResponseHead } from '../message/response-head.ts';
import type { Wire } from './wire.ts';

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
  connected(connection: UpstreamConnection): void;
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
  /**
   * This process lacks something that a new connection needs. True if the exchange goes elsewhere; otherwise the connection is tried again
   * until the time to connect is over, or another exchange ends and leaves its connection.
   */
  starved(reason: string): boolean;
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

/** A connection to an upstream, as its exchange uses it. */
export interface UpstreamConnection {
  /** Undefined: the connection carries messages instead of HTTP/1.1 text, as its owner knows. */
  readonly wire: Wire | undefined;
  /** The connection has carried an exchange before, so the server may close it just as the next request is sent. */
  readonly reused: boolean;
  /** Octets of the response to the current exchange have arrived. */
  readonly heard: boolean;
  /** Begins an exchange. The caller writes its request head to the outbox, before or after. */
  begin(sink: ResponseSink, request: { readonly method: string; readonly expectContinue: boolean }, requestComplete: boolean): void;
  /** Notes that more of the request was sent: so many octets of its body. */
  progress(requestComplete: boolean, octets?: number): void;
  /**
   * Restarts the limit of the upstream's silence, if the upstream has to act: respond to a complete request, or read what was sent. While
   * it reads a large body, however slowly, it is not silent.
   */
  expectAnswer(): void;
  /** Stops reading until `resume`. @param briefly it follows in this turn of the event loop, and more octets may be read at a time then */
  pause(briefly?: boolean): void;
  resume(): void;
  /** Ends the exchange early. Octets that still arrive would belong to it, so the connection is closed. */
  abandon(): void;
  /** Gives the connection away as an ordinary stream, no longer HTTP. */
  release(): net.Socket;
}
