/** Octets that a socket reads at a time. */
export const readSize = 64 * 1024;

/** Octets that a socket reads at a time after a read filled its buffer: fewer reads cost fewer calls, and fewer wake-ups of the peer. */
export const largeReadSize = 512 * 1024;

/** Limit of the large buffers in use. A socket that gets none stays with the shared buffer. */
const maxLarge = 32;

/**
 * The buffers that sockets read into. All sockets share one buffer, because each read is processed before the next. A socket that fills its
 * buffer gets a large one of its own for the next read, which mostly follows at once, and gives it back when there is less to read. No
 * other socket reads into a large buffer, so it can be kept for a write that the kernel could not take whole, and its octets are sent
 * without a copy.
 */
class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(readSize);
  /** Number of large buffers in use. */
  taken = 0;
  readonly #spare: Buffer[] = [];
  /** The large buffer whose octets are being processed. */
  #current: Buffer | undefined;
  #kept = false;

  /** Begins the processing of what was read into `buffer`; `after` ends it. */
  before(buffer: Buffer): void {
    this.#current = buffer === this.shared ? undefined : buffer;
    this.#kept = false;
  }

  /**
   * Ends the processing of what was read into `buffer`. Returns the buffer for the socket's next read, undefined if it stays the same.
   * @param more the read filled `buffer`, so that more octets are probably waiting
   */
  after(buffer: Buffer, more: boolean): Buffer | undefined {
    this.#current = undefined;
    if (buffer === this.shared) return more ? this.#take() : undefined;
    if (more && !this.#kept) return undefined;
    if (this.#kept) this.taken--;
    else this.giveBack(buffer);
    return (more ? this.#take() : undefined) ?? this.shared;
  }

  /** Says whether octets of `buffer` can be sent without a copy, because it can be kept for the write. */
  mayKeep(buffer: Buffer): boolean {
    return buffer === this.#current;
  }

  /** Keeps the buffer being processed for a write in progress: nothing is read into it any more. */
  keep(): void {
    this.#kept = true;
  }

  /** Takes back a buffer that no socket reads into any more. */
  giveBack(buffer: Buffer): void {
    if (buffer === this.shared) return;
    this.taken--;
    this.#spare.push(buffer);
  }

  #take(): Buffer | undefined {
    if (this.taken >= maxLarge) return undefined;
    this.taken++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(largeReadSize);
  }
}

/** The process-wide read buffers. */
export const readBuffers = new ReadBuffers();
