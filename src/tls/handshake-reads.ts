/** Most handshakes that are read at a time once the server has answered their ClientHello. */
const mostRead = 64;
/** Milliseconds after which others have their turn. */
const turnMs = 10;

/** A connection that can be left unread. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * Reads the clients' answers within handshakes, few at a time: each of them takes a share of a handshake's work as soon as it is read, and thousands
 * of clients could send theirs at once. What is not read waits in the kernel. Clients that send nothing lose their turn to others.
 */
export class HandshakeReads {
  /** Oldest first, in both. */
  readonly #read = new Set<Pausable>();
  readonly #waiting = new Set<Pausable>();
  #rotates = false;

  enter(handshake: Pausable): void {
    if (this.#read.size < mostRead) {
      this.#read.add(handshake);
      return;
    }
    this.#wait(handshake);
    if (this.#rotates) return;
    this.#rotates = true;
    setTimeout(this.#rotate, turnMs);
  }

  /** The handshake is complete, or has ended without a connection. May be called more than once. */
  leave(handshake: Pausable): void {
    if (this.#waiting.delete(handshake)) handshake.resume();
    else if (this.#read.delete(handshake)) this.#fill();
  }

  readonly #rotate = (): void => {
    this.#rotates = this.#waiting.size > 0;
    if (!this.#rotates) return;
    const resumed = this.#waiting.size;
    for (const handshake of [...this.#read].slice(0, resumed)) {
      this.#read.delete(handshake);
      this.#wait(handshake);
    }
    this.#fill();
    setTimeout(this.#rotate, turnMs);
  };

  #wait(handshake: Pausable): void {
    this.#waiting.add(handshake);
    handshake.pause();
  }

  #fill(): void {
    for (const handshake of this.#waiting) {
      if (this.#read.size >= mostRead) return;
      this.#waiting.delete(handshake);
      this.#read.add(handshake);
      handshake.resume();
    }
  }
}
