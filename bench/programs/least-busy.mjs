/** Picks the upstream with the fewest requests in flight; equals take turns. */
export class LeastBusy {
  #upstreams;
  #turn = 0;

  /** @param {string[]} ports on 127.0.0.1 */
  constructor(ports) {
    this.#upstreams = ports.map((port) => ({ url: `http://127.0.0.1:${port}`, active: 0 }));
  }

  /** Picks an upstream and counts a request on it. The caller must lower `active` by one when the request is done. */
  take() {
    const count = this.#upstreams.length;
    this.#turn = (this.#turn + 1) % count;
    let best = this.#upstreams[this.#turn];
    for (let step = 1; step < count; step++) {
      const other = this.#upstreams[(this.#turn + step) % count];
      if (other.active < best.active) best = other;
    }
    best.active++;
    return best;
  }
}
