import { scannedOctets } from '../message/field-scanner.ts';

/** Octets that a socket reads at a time. */
export const readSize = 64 * 1024;

/** Octets that a socket reads at a time after a read filled its buffer: fewer reads cost fewer calls, and fewer wake-ups of the peer. */
export const largeReadSize = 512 * 1024;

/** Limit of the large buffers in use. A socket that gets none stays with the shared buffer. */
const maxLarge = 32;

/**
 * Limit of the octets that TLS has encrypted for clients that do not keep up. While there are more, what is read for clients with TLS is read
 * in small pieces, so that each client that reads nothing holds no more than one of these.
 */
const maxUntaken = maxLarge * largeReadSize;

/**
 * The buffers that sockets read into. All sockets share one buffer, because each read is processed before the next. A socket that fills its
 * buffer gets a large one of its own for the next read, which mostly follows at once, and gives it back when there is less to read. No
 * other socket reads into a large buffer, so it can be kept for a write that the kernel could not take whole, and its octets are sent
 * without a copy. What is encrypted at once needs no buffer of its own: for that, a second, large buffer is shared.
 */
class ReadBuffers {
  /** In it, heads can be scanned fast. */
  readonly shared: Buffer = scannedOctets?.length === readSize ? scannedOctets : Buffer.allocUnsafeSlow(readSize);
  readonly #sharedLarge: Buffer = Buffer.allocUnsafeSlow(largeReadSize);
  /** Number of large buffers in use. */
  taken = 0;
  /** Octets that TLS has encrypted and the kernel has not taken at once. */
  untaken = 0;
  readonly #spare: Buffer[] = [];
  /** The large buffer whose octets are being processed. */
  #current: Buffer | undefined;
  #kept = false;

  /** Begins the processing of what was read into `buffer`; `after` ends it. */
  before(buffer: Buffer): void {
    this.#current = this.#isShared(buffer) ? undefined : buffer;
    this.#kept = false;
  }

  /**
   * Ends the processing of what was read into `buffer`. Returns the buffer for the socket's next read, undefined if it stays the same.
   * @param more the read filled `buffer`, so that more octets are probably waiting
   */
  after(buffer: Buffer, more: boolean): Buffer | undefined {
    this.#current = undefined;
    if (buffer === this.shared) return more ? this.#take() : undefined;
    if (buffer === this.#sharedLarge) return (more ? this.#take() : undefined) ?? this.shared;
    if (more && !this.#kept) return undefined;
    if (this.#kept) this.taken--;
    else this.giveBack(buffer);
    return (more ? this.#take() : undefined) ?? this.shared;
  }

  /**
   * Ends the processing of `count` octets that were read into `buffer` and encrypted at once. Returns the buffer for the socket's next read,
   * which comes in another turn of the event loop.
   */
  afterCopied(buffer: Buffer, count: number): Buffer {
    this.#current = undefined;
    if (this.#kept) this.taken--;
    else this.giveBack(buffer);
    return count >= readSize / 2 && this.untaken <= maxUntaken ? this.#sharedLarge : this.shared;
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
    if (this.#isShared(buffer)) return;
    this.taken--;
    this.#spare.push(buffer);
  }

  #isShared(buffer: Buffer): boolean {
    return buffer === this.shared || buffer === this.#sharedLarge;
  }

  #take(): Buffer | undefined {
    if (this.taken >= maxLarge) return undefined;
    this.taken++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(largeReadSize);
  }
}

/** The process-wide read buffers. */
export const readBuffers = new ReadBuffers();
