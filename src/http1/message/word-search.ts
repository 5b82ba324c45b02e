/**
 * Searches for a word by Horspool's algorithm. In a field's value, which is short, that takes fewer steps than the way to the engine's own search, which
 * also has no end but that of the buffer.
 */
export class WordSearch {
  readonly #word: Buffer;
  /** By the octet below the word's last one: how far the word can be moved on. */
  readonly #steps = new Uint8Array(256);

  /** @param word of at most 255 octets */
  constructor(word: string) {
    this.#word = Buffer.from(word, 'latin1');
    const last = this.#word.length - 1;
    this.#steps.fill(last + 1);
    for (let index = 0; index < last; index++) this.#steps[this.#word[index] as number] = last - index;
  }

  /** The first position of the word in [start, end) of `bytes`; -1: it is not there. */
  indexIn(bytes: Uint8Array, start: number, end: number): number {
    const word = this.#word;
    const steps = this.#steps;
    const last = word.length - 1;
    for (let at = start; at + last < end; at += steps[bytes[at + last] as number] as number) {
      let index = last;
      while (index >= 0 && bytes[at + index] === word[index]) index--;
      if (index < 0) return at;
    }
    return -1;
  }
}
