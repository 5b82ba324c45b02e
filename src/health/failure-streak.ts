/** Failures of one server in a row, in the traffic it is given. Pure. */
export class FailureStreak {
  #length = 0;

  /** A success, or a reason to begin anew. */
  broken(): void {
    this.#length = 0;
  }

  /** Takes in one failure; true if it is the `limit`-th in a row, and the next begins a new streak. 0: never. */
  failed(limit: number): boolean {
    if (limit === 0 || ++this.#length < limit) return false;
    this.#length = 0;
    return true;
  }
}
