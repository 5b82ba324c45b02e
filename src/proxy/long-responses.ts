import { QUESTION } from '../http1/message/octets.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

const slots = 4096;

/** From this many octets on, a body is long. */
export const longOctets = 16 * 1024;

/**
 * Remembers the paths whose last response was long, by a hash: nothing but the length of responses depends on it, so that two paths with the same
 * hash do no harm.
 */
export class LongResponses {
  readonly #long = new Uint8Array(slots);

  /** True if the last response for the path of a request was long. */
  isLong(head: RequestHead): boolean {
    return this.#long[slotOf(head)] === 1;
  }

  /** @param octets of the body of a response */
  learn(head: RequestHead, octets: number): void {
    this.#long[slotOf(head)] = octets > longOctets ? 1 : 0;
  }
}

function slotOf({ fields, targetStart, targetEnd }: RequestHead): number {
  const { bytes, base } = fields;
  let hash = 0;
  for (let at = base + targetStart; at < base + targetEnd && bytes[at] !== QUESTION; at++) hash = (hash * 31 + (bytes[at] as number)) | 0;
  return (hash ^ (hash >>> 12)) & (slots - 1);
}
