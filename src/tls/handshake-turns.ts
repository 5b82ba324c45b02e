/** Milliseconds of handshakes in one turn of the event loop, which the last one of them may exceed. */
const mostMs = 0.5;

/** A piece of work. Returns false if it goes on by itself after the call. */
type Work = () => boolean;

/**
 * Starts the costly parts of handshakes, a few in each turn of the event loop, so that requests on open connections wait for no more of them than
 * these. Networks of clients take turns, so that one with many handshakes holds up only its own.
 */
export class HandshakeTurns {
  /** By network. The first one is next. */
  readonly #waiting = new Map<string, Work[]>();

  /** Does work for a client when it is its turn. */
  start(network: string, work: Work): void {
    if (this.#waiting.size === 0) setImmediate(this.#turn);
    const ofNetwork = this.#waiting.get(network);
    if (ofNetwork === undefined) this.#waiting.set(network, [work]);
    else ofNetwork.push(work);
  }

  readonly #turn = (): void => {
    const end = performance.now() + mostMs;
    try {
      while (this.#take()?.() === true && performance.now() < end);
    } finally {
      if (this.#waiting.size > 0) setImmediate(this.#turn);
    }
  };

  /** Takes the next work out of the queue. */
  #take(): Work | undefined {
    for (const [network, works] of this.#waiting) {
      const work = works.shift();
      this.#waiting.delete(network);
      if (works.length > 0) this.#waiting.set(network, works);
      return work;
    }
    return undefined;
  }
}
