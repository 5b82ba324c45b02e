import type { UpstreamConnection } from '../http1/connection/response-sink.ts';
import { mustDrain, type Wire } from '../http1/connection/wire.ts';
import type { EditedFields } from '../http1/message/edited-fields.ts';
import type { Blame } from './blame.ts';
import type { ForwardedExchange } from './forwarded-exchange.ts';
import type { Rewrite } from './rewrite.ts';
import type { Upstream } from './upstream.ts';

/**
 * A connection to a server that takes requests as messages, whose heads are parsed already, instead of HTTP/1.1 text. `Forwarding` uses it as any
 * other: `begin`, then `head`, pieces of the body, `end`. Everything comes back through the same `ResponseSink`, which may be called before `head`
 * returns, to the end of the response.
 */
export interface MessageConnection extends UpstreamConnection {
  /** Tells this connection from one that carries HTTP/1.1 text. */
  readonly wire: undefined;
  /**
   * Sends the request's head: `exchange.head` with `exchange.edits`, and what `exchange.writeOrigin` writes, and Via, unless the server sees the
   * exchange itself. All of it, octets included, is valid only during the call; the head's object until the exchange has ended.
   *
   * @param whole the request has no body, or none that is still to be sent: no call of `body` or `end` follows
   */
  head(exchange: ForwardedExchange, upstream: Upstream, rewrite: Rewrite | undefined, whole: boolean): void;
  /** Sends octets [start, end) of the body; they are valid only during the call. */
  body(buffer: Buffer, start: number, end: number): void;
  /** Ends the request. @param trailers trailer fields as complete lines */
  end(trailers: string): void;
  /** True: `body` should not be called until `ResponseSink.upstreamDrained`. */
  readonly full: boolean;
  /** Parts of the response beside its head; read while `ResponseSink.head` or `switched` runs. Undefined: all is in the head. */
  readonly told: Told | undefined;
}

/** Parts of a response that a server in this process does not put into the head. */
export interface Told {
  /** Edits of the head's fields that are to be made: what comes behind goes on with them. */
  readonly edits: EditedFields | undefined;
  /** The culprit of a 5xx status; undefined: the server itself. */
  readonly blame?: Blame | undefined;
  readonly consumer?: string | undefined;
  /** Home of the request: see `told-home.ts`. */
  readonly home?: string | undefined;
}

/** A connection to a server, of whichever kind. */
export type ServerLink = (UpstreamConnection & { readonly wire: Wire }) | MessageConnection;

/** True if no more of the request should be sent until the server has read some. */
export function isFull(connection: ServerLink): boolean {
  return connection.wire === undefined ? connection.full : mustDrain(connection.wire);
}

/** Parts of a response beside its head; undefined: there are none. */
export function toldBy(connection: ServerLink | undefined): Told | undefined {
  return connection !== undefined && connection.wire === undefined ? connection.told : undefined;
}
