import { FieldLines } from './field-lines.ts';
import { fieldIds } from './field-names.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { LF } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const mostFields = 32;

/**
 * Collects the trailer section after a chunked body, and checks it (RFC 9112 section 7.1.2). Content-Length, Transfer-Encoding and Host
 * in it are refused, as they can only be meant to mislead; other fields that may not be trailers are struck.
 */
export class TrailerSection {
  /** What came; complete once {@link read} said so. Lines that must not be forwarded are struck. */
  readonly fields = new FieldLines(mostFields);
  readonly #mostBytes: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * Takes what follows the last chunk from [start, end).
   * @returns octets that belong to the section, which is then complete; {@link INCOMPLETE} if all do and more must follow; or a fault
   */
  read(buffer: Buffer, start: number, end: number): number | WireFault {
    const { fields } = this;
    const before = this.#held.length;
    const taken = Math.min(end - start, this.#mostBytes - before);
    const fresh = buffer.subarray(start, start + taken);
    this.#held = Buffer.concat([this.#held, fresh]);
    const full = this.#held.length === this.#mostBytes;
    if (!full && !fresh.includes(LF)) return INCOMPLETE;

    fields.reset(this.#held, 0);
    const length = parseFieldLines(fields, 0, this.#held.length, mostFields);
    if (length === wireFaults.tooManyFields || (length === INCOMPLETE && full)) return wireFaults.trailersTooLarge;
    if (typeof length === 'object' || length === INCOMPLETE) return length;
    fields.length = length;
    // RFC 9110 section 6.5.1: what frames, routes, authenticates or controls has no business here. All names with an id are of that kind.
    for (let line = 0; line < fields.count; line++) {
      const id = fields.id(line);
      if (id === fieldIds['content-length'] || id === fieldIds['transfer-encoding'] || id === fieldIds.host)
        return wireFaults.forbiddenTrailer;
      if (id !== 0) fields.strike(line);
    }
    return length - before;
  }
}
