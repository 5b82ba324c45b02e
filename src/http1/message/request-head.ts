import { MessageHead } from './message-head.ts';
import type { NameRule } from './name-rule.ts';
import { COLON } from './octets.ts';

/** Longest authority whose octets are kept, to recognise it in the next request. */
const mostKept = 64;

/** A checked request head. `parseRequestHead` fills it in; its contents are valid only after that returned more than 0. */
export class RequestHead extends MessageHead {
  /** The method as sent. A common method is always the same string object. */
  method = 'GET';
  safe = true;
  idempotent = true;
  /** Start of the target, which is in origin-form (`/path?query`) or `*`; counted from `fields.base`. */
  targetStart = 0;
  targetEnd = 0;
  /** The received target contains no dot, percent sign, semicolon or backslash: its path can only be spelt otherwise by doubling slashes. */
  plain = true;
  /** The target was in absolute-form. Its authority replaces Host when the request is forwarded (RFC 9112 section 3.2.2). */
  absolute = false;
  /** Start of host and port: in the target if `absolute`, else in the value of Host. Start and end are equal if there is neither. */
  authorityStart = 0;
  authorityEnd = 0;
  /** Index of the Host line, or -1. */
  hostLine = -1;
  /**
   * The client waits for a 100 (Continue) before it sends its body. Without a body, and in HTTP/1.0, Expect has no meaning and is struck
   * (RFC 9110 section 10.1.1).
   */
  expectContinue = false;
  /** TE lists `trailers`: the client accepts a trailer section (RFC 9110 section 10.1.4). */
  acceptsTrailers = false;
  /** Index of the first Cookie line, or -1. */
  cookieLine = -1;
  /** Index of the first X-Request-Id line, or -1. */
  requestIdLine = -1;
  /** Index of the first line of Client-Cert or Client-Cert-Chain, or -1. */
  clientCertLine = -1;
  /** There is a line of X-Forwarded-For, -Proto or -Host, or of Forwarded. */
  reportsHops = false;
  /** Octets of all values of Via. */
  viaOctets = 0;
  /** Treatment of odd names in the trailer section; see `HeadLimits`. */
  names: NameRule | undefined;
  /** The target as text, once it was asked for. */
  #target: string | undefined;
  #authority = '';
  #authorityKnown = false;
  /** Octets of the authority before, as they came; and their number, -1: they are too many to be kept. */
  readonly #kept = new Uint8Array(mostKept);
  #keptLength = 0;

  /** The target as text. */
  target(): string {
    this.#target ??= this.fields.text(this.targetStart, this.targetEnd);
    return this.#target;
  }

  /** Host and port as the client named them, in lower case; may be empty. Returns the same string object while the host stays the same. */
  authority(): string {
    if (this.#authorityKnown) return this.#authority;
    this.#authorityKnown = true;
    const { bytes, base } = this.fields;
    const start = base + this.authorityStart;
    let end = base + this.authorityEnd;
    if (end > start && bytes[end - 1] === COLON) end--;
    if (!this.#isKept(bytes, start, end)) {
      this.#authority = bytes.toString('latin1', start, end).toLowerCase();
      this.#keep(bytes, start, end);
    }
    return this.#authority;
  }

  /** Says whether [start, end) is the authority of the request before, in the same letters. */
  #isKept(bytes: Buffer, start: number, end: number): boolean {
    const kept = this.#kept;
    if (end - start !== this.#keptLength) return false;
    for (let at = start; at < end; at++) if (bytes[at] !== kept[at - start]) return false;
    return true;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const fits = end - start <= mostKept;
    this.#keptLength = fits ? end - start : -1;
    if (fits) for (let at = start; at < end; at++) this.#kept[at - start] = bytes[at] as number;
  }

  /** Prepares for a new message at `start` of `buffer`. */
  reset(buffer: Buffer, start: number): void {
    this.fields.reset(buffer, start);
    this.#target = undefined;
    this.#authorityKnown = false;
  }
}
