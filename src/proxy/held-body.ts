/** The beginning of a request body: kept until it can be sent, and as long as it might have to be sent again. */
export class HeldBody {
  #pieces: Buffer[] = [];
  /** Octets kept. */
  octets = 0;
  #complete = true;

  /** Everything that came so far is here. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Keeps a copy. */
  add(buffer: Buffer, start: number, end: number): void {
    if (!this.#complete) return;
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.octets += end - start;
  }

  /** Forgets it all if that is more than `most` octets: it can't be sent again. To be called once it was sent. */
  limit(most: number): void {
    if (this.octets <= most) return;
    this.#complete = false;
    this.#pieces = [];
    this.octets = 0;
  }

  each(use: (piece: Buffer) => void): void {
    for (const piece of this.#pieces) use(piece);
  }
}
