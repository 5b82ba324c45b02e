/**
 * The pieces that a generator makes, for any number of readers: each piece is made when the first of them wants it, and the others get the same one. The
 * pieces are kept as long as this object.
 */
export class SharedPieces<Piece> implements AsyncIterable<Piece> {
  readonly #made: Piece[] = [];
  readonly #source: AsyncIterator<Piece>;
  /** Resolves when one more piece is made: to true if there was none. */
  #making: Promise<boolean> | undefined;

  constructor(source: AsyncIterable<Piece>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Piece> {
    for (let index = 0; ; index++) {
      while (index >= this.#made.length) if (await this.#ended()) return;
      yield this.#made[index] as Piece;
    }
  }

  /** Makes one more piece, for all that wait for it. */
  #ended(): Promise<boolean> {
    this.#making ??= this.#source.next().then(({ done, value }) => {
      if (done === true) return true;
      this.#making = undefined;
      this.#made.push(value);
      return false;
    });
    return this.#making;
  }
}
