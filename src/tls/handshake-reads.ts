/** Milliseconds after which others have their turn. */
const rotationMs = 10;
/** Milliseconds of handshakes that end in one turn of the event loop, without the first and the last of them. */
const mostMs = 0.5;

/** A connection that can be left unread. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * Reads what clients send within handshakes, of few at a time and for a short time in each turn of the event loop: each of them takes a share of a
 * handshake's work as soon as it is read, and thousands of clients could send theirs at once. What is not read waits in the kernel, and open
 * connections come in between. Clients that send nothing lose their turn to others.
 */
export class HandshakeReads {
  readonly #most: number;
  readonly #now: () => number;
  /** Oldest first, in both. */
  readonly #read = new Set<Pausable>();
  readonly #waiting = new Set<Pausable>();
  #rotates = false;
  /** Time until which handshakes may end in this turn; undefined: none has. */
  #until: number | undefined;
  /** Nothing is read for the rest of this turn. */
  #stopped = false;

  /** @param most handshakes that are read at a time */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  enter(handshake: Pausable): void {
    if (this.#read.size < this.#most) {
      this.#read.add(handshake);
      if (this.#stopped) handshake.pause();
      return;
    }
    this.#wait(handshake);
    if (this.#rotates) return;
    this.#rotates = true;
    setTimeout(this.#rotate, rotationMs);
  }

  /** The handshake is complete, or has ended without a connection. May be called more than once. */
  leave(handshake: Pausable): void {
    if (this.#waiting.delete(handshake)) handshake.resume();
    else if (this.#read.delete(handshake)) {
      if (this.#stopped) handshake.resume();
      else this.#look();
      this.#fill();
    }
  }

  /** Stops if this turn has taken long. The kernel may have told of all the others already: those that are left unread are passed over. */
  #look(): void {
    if (this.#until === undefined) {
      this.#until = this.#now() + mostMs;
      setImmediate(this.#turnEnd);
    } else if (this.#now() >= this.#until) {
      this.#stopped = true;
      for (const handshake of this.#read) handshake.pause();
    }
  }

  readonly #turnEnd = (): void => {
    this.#until = undefined;
    if (!this.#stopped) return;
    this.#stopped = false;
    for (const handshake of this.#read) handshake.resume();
  };

  readonly #rotate = (): void => {
    this.#rotates = this.#waiting.size > 0;
    if (!this.#rotates) return;
    const resumed = this.#waiting.size;
    for (const handshake of [...this.#read].slice(0, resumed)) {
      this.#read.delete(handshake);
      this.#wait(handshake);
    }
    this.#fill();
    setTimeout(this.#rotate, rotationMs);
  };

  #wait(handshake: Pausable): void {
    this.#waiting.add(handshake);
    handshake.pause();
  }

  #fill(): void {
    for (const handshake of this.#waiting) {
      if (this.#read.size >= this.#most) return;
      this.#waiting.delete(handshake);
      this.#read.add(handshake);
      if (!this.#stopped) handshake.resume();
    }
  }
}
