/** The beginning of a request body, kept until it can be sent, and then for as long as it might have to be sent again. */
export class HeldBody {
  #pieces: Buffer[] = [];
  /** Octets kept. */
  octets = 0;
  #complete = true;

  /** @param body a whole body; it is not copied */
  static of(body: Buffer): HeldBody {
    const held = new HeldBody();
    held.#pieces.push(body);
    held.octets = body.length;
    return held;
  }

  /** True if it holds everything received of the body so far. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Appends a copy of octets [start, end) of `buffer`. */
  add(buffer: Buffer, start: number, end: number): void {
    if (!this.#complete) return;
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.octets += end - start;
  }

  /** Drops everything if that is more than `most` octets: the body can't be sent again then. Called after it was sent. */
  limit(most: number): void {
    if (this.octets <= most) return;
    this.#complete = false;
    this.#pieces = [];
    this.octets = 0;
  }

  /** Everything kept, as one piece. */
  whole(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces, this.octets);
    this.#pieces = [whole];
    return whole;
  }

  each(use: (piece: Buffer) => void): void {
    for (const piece of this.#pieces) use(piece);
  }
}
