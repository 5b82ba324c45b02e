import { FieldLines } from './field-lines.ts';
import type { NameRule } from './name-rule.ts';
import type { WireFault } from './wire-fault.ts';

/** Limits of a head. A head beyond one of them is refused. */
export interface HeadLimits {
  /** Bytes of the whole head, its closing empty line included. */
  readonly headBytes: number;
  /** Bytes of the request target. */
  readonly targetBytes: number;
  /** Field lines. The capacity of the head object is a limit as well. */
  readonly fields: number;
  /** Treatment of odd field names in requests and their trailers. Undefined: they are fields as any other. */
  readonly names?: NameRule | undefined;
  /** The connection has TLS: requests for https targets may come on it. Default false. */
  readonly secure?: boolean;
}

/** The common part of request and response heads. One object is reused for many messages. Positions count as in {@link FieldLines}. */
export abstract class MessageHead {
  readonly fields: FieldLines;
  /** The reason why the last parse failed. */
  fault: WireFault | undefined;
  /** Minor version: 0 for HTTP/1.0, 1 for HTTP/1.1. */
  minor = 1;
  /** Value of Content-Length; -1 without one. */
  contentLength = -1;
  /** The body is chunked: Transfer-Encoding is exactly `chunked`. */
  chunked = false;
  /** The sender allows the connection to be used again after this message (RFC 9112 section 9.3). */
  keepAlive = false;
  /** HTTP/1.1 with an Upgrade field that Connection names (RFC 9110 section 7.8). */
  upgrade = false;
  /**
   * Names, in lower case, of the fields that Connection nominated. They are struck here; `strikeNominated` must strike them in the
   * trailers.
   */
  nominated: readonly string[] = [];
  /**
   * The start line can be forwarded unchanged, from its first octet to `fields.start(0)`: it has HTTP/1.1, no target in absolute-form, and
   * no space is missing. Otherwise it must be rewritten (RFC 9110 section 2.5: each sender states its own version).
   */
  lineVerbatim = true;

  /** @param maxFields capacity in field lines; default as in {@link FieldLines} */
  constructor(maxFields?: number) {
    this.fields = new FieldLines(maxFields);
  }

  /** Copies the head out of the buffer that it was parsed in, so that the buffer can be reused. */
  retain(): void {
    this.fields.retain();
  }
}
