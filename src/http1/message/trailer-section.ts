import { fieldIds } from './field-ids.ts';
import { FieldLines } from './field-lines.ts';
import { INCOMPLETE, parseFieldLines } from './field-parser.ts';
import { applyNameRule, type NameRule } from './name-rule.ts';
import { LF } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

const maxFields = 32;

/**
 * Collects the trailer section after a chunked body, and checks it (RFC 9112 section 7.1.2). Content-Length, Transfer-Encoding and Host are
 * refused, because as trailers they can only mislead a recipient; other fields that must not be trailers are struck.
 */
export class TrailerSection {
  /** The trailer fields, complete once {@link read} returned a number above 0. Lines that must not be forwarded are struck. */
  readonly fields = new FieldLines(maxFields);
  readonly #maxBytes: number;
  readonly #names: NameRule | undefined;
  #held: Buffer = Buffer.alloc(0);

  /** @param names treatment of odd names, as in `HeadLimits` */
  constructor(maxBytes: number, names?: NameRule) {
    this.#maxBytes = maxBytes;
    this.#names = names;
  }

  /**
   * Reads the octets after the last chunk, [start, end) of `buffer`.
   * @returns the number of octets that belong to the section, which is then complete; {@link INCOMPLETE} if all belong to it and more must
   * follow; or a fault
   */
  read(buffer: Buffer, start: number, end: number): number | WireFault {
    const { fields } = this;
    const before = this.#held.length;
    const taken = Math.min(end - start, this.#maxBytes - before);
    const fresh = buffer.subarray(start, start + taken);
    this.#held = Buffer.concat([this.#held, fresh]);
    const full = this.#held.length === this.#maxBytes;
    if (!full && !fresh.includes(LF)) return INCOMPLETE;

    fields.reset(this.#held, 0);
    const length = parseFieldLines(fields, 0, this.#held.length, maxFields);
    if (length === wireFaults.tooManyFields || (length === INCOMPLETE && full)) return wireFaults.trailersTooLarge;
    if (typeof length === 'object' || length === INCOMPLETE) return length;
    fields.length = length;
    // RFC 9110 section 6.5.1: fields for framing, routing, authentication or control must not be trailers. All names with an id are such
    // fields.
    for (let line = 0; line < fields.count; line++) {
      const id = fields.id(line);
      if (id === fieldIds['content-length'] || id === fieldIds['transfer-encoding'] || id === fieldIds.host)
        return wireFaults.forbiddenTrailer;
      if (id !== 0) fields.strike(line);
    }
    if (fields.oddNames && this.#names !== undefined) return applyNameRule(fields, this.#names) ?? length - before;
    return length - before;
  }
}
