import { readConnection } from './connection-options.ts';
import { FieldLines } from './field-lines.ts';
import { checkTransferEncoding } from './framing.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** How much of a head is taken; all in the unit that the name says. */
export interface HeadLimits {
  /** The whole head, its closing empty line included. */
  readonly headBytes: number;
  /** The request target. */
  readonly targetBytes: number;
  /** Field lines; never more than the head object has room for. */
  readonly fields: number;
}

/** What request and response heads have in common. Made once and used again for many messages; all positions as in {@link FieldLines}. */
export abstract class MessageHead {
  readonly fields: FieldLines;
  /** Why the last parse failed. */
  fault: WireFault | undefined;
  /** HTTP/1.0 or HTTP/1.1. */
  minor = 1;
  /** -1: none. */
  contentLength = -1;
  /** The body is chunked: Transfer-Encoding is there and says only that. */
  chunked = false;
  /** The connection may be used again after this message, as far as its sender is concerned (RFC 9112 section 9.3). */
  keepAlive = false;
  /** HTTP/1.1 with an Upgrade field that Connection names (RFC 9110 section 7.8). */
  upgrade = false;
  /** Names, in lower case, of fields that Connection nominated: struck here, and to be struck from the trailers with `strikeNominated`. */
  nominated: readonly string[] = [];
  /**
   * The start line can be forwarded as it came, from its first octet to `fields.start(0)`: HTTP/1.1, a target not in absolute-form, and
   * nothing left out. Otherwise it has to be written anew (RFC 9110 section 2.5: the version is the sender's own).
   */
  lineVerbatim = true;

  /** @param maxFields room for so many field lines; 128 unless told */
  constructor(maxFields = 128) {
    this.fields = new FieldLines(maxFields);
  }

  /** Copies the head out of the buffer that it was parsed in, so that the buffer may be used for something else. */
  retain(): void {
    this.fields.retain();
  }
}

/** Fills in what Connection, Upgrade and Transfer-Encoding lines say, when all lines are there. */
export function settle(head: MessageHead, hasUpgrade: boolean, hasTransferEncoding: boolean): WireFault | undefined {
  head.chunked = hasTransferEncoding;
  if (hasTransferEncoding) {
    if (head.minor === 0) return wireFaults.codingInHttp10;
    if (head.contentLength >= 0) return wireFaults.conflictingLength;
    const fault = checkTransferEncoding(head.fields);
    if (fault !== undefined) return fault;
  }
  return readConnection(head, hasUpgrade);
}
