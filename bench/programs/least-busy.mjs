/** Upstreams of which the one with the fewest requests in flight is next; equals take turns. */
export class LeastBusy {
  #places;
  #turn = 0;

  /** @param {string[]} ports on 127.0.0.1 */
  constructor(ports) {
    this.#places = ports.map((port) => ({ url: `http://127.0.0.1:${port}`, active: 0 }));
  }

  /** Takes a place; `active` is to be lowered by one when the request is done. */
  take() {
    const count = this.#places.length;
    this.#turn = (this.#turn + 1) % count;
    let best = this.#places[this.#turn];
    for (let step = 1; step < count; step++) {
      const other = this.#places[(this.#turn + step) % count];
      if (other.active < best.active) best = other;
    }
    best.active++;
    return best;
  }
}
