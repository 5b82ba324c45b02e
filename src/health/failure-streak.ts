/** Counts the consecutive failures among one server's exchanges. Pure. */
export class FailureStreak {
  #length = 0;

  /** Ends the streak: after a success, or because the server has changed. */
  end(): void {
    this.#length = 0;
  }

  /** Counts one failure. True if it is the `limit`-th in a row; the next one then begins a new streak. A limit of 0 is never reached. */
  failed(limit: number): boolean {
    if (limit === 0 || ++this.#length < limit) return false;
    this.#length = 0;
    return true;
  }
}
