/** Octets that a socket reads at a time. */
export const readSize = 64 * 1024;

/** Octets that it reads at a time once more was there than that: each call costs, and so does each time that a peer is woken. */
export const largeReadSize = 512 * 1024;

/** Large buffers that sockets have at a time; who gets none goes on with the small one. */
const mostLarge = 32;

/**
 * What sockets read into. All share one buffer: what is read is dealt with before the next read. Who fills it gets a large one of its own
 * for the read that follows, mostly at once, and gives it back when there is less to read. Because nobody else reads into a large one,
 * it can be kept for a write that the kernel could not take whole, and what is in it needs no copy on its way.
 */
class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(readSize);
  /** Large ones that sockets have. */
  taken = 0;
  readonly #spare: Buffer[] = [];
  /** The large one whose octets are being dealt with. */
  #current: Buffer | undefined;
  #kept = false;

  /** What was read into `buffer` is dealt with until `after` is called. */
  before(buffer: Buffer): void {
    this.#current = buffer === this.shared ? undefined : buffer;
    this.#kept = false;
  }

  /** What to read into after `buffer`, if that changes. @param more whether as much again is probably there */
  after(buffer: Buffer, more: boolean): Buffer | undefined {
    this.#current = undefined;
    if (buffer === this.shared) return more ? this.#take() : undefined;
    if (more && !this.#kept) return undefined;
    if (this.#kept) this.taken--;
    else this.giveBack(buffer);
    return (more ? this.#take() : undefined) ?? this.shared;
  }

  /** Whether `buffer` need not be copied, because it may be kept. */
  mayKeep(buffer: Buffer): boolean {
    return buffer === this.#current;
  }

  /** Octets of the present buffer are still to be written: nothing is read into it any more. */
  keep(): void {
    this.#kept = true;
  }

  /** Nobody reads into `buffer` any more. */
  giveBack(buffer: Buffer): void {
    if (buffer === this.shared) return;
    this.taken--;
    this.#spare.push(buffer);
  }

  #take(): Buffer | undefined {
    if (this.taken >= mostLarge) return undefined;
    this.taken++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(largeReadSize);
  }
}

/** The process's read buffers. */
export const readBuffers = new ReadBuffers();
