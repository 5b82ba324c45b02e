import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Seconds without any progress, while bytes wait to be read by the peer or the rest of a frame to be sent by it, after which it is cut off. */
export const stalledSeconds = 10;
/** Bytes of an unfinished frame that count as waiting; control frames, and the heads of frames, are smaller. */
const partialBytes = 64 * 1024;

type Counting = Duplex & { readonly bytesRead?: number; readonly bytesWritten?: number };

/** Measures, once a second, whether a peer reads what it is sent and finishes what it sends. */
export class SessionWatch {
  readonly #socket: WebSocket;
  readonly #under: Counting;
  #flushed = 0;
  #readAtFrame = 0;
  #stalled = 0;
  #unfinished = 0;

  constructor(socket: WebSocket, under: Duplex) {
    this.#socket = socket;
    this.#under = under;
    this.#readAtFrame = this.#under.bytesRead ?? 0;
    socket.on('message', () => {
      this.#readAtFrame = this.#under.bytesRead ?? 0;
      this.#unfinished = 0;
    });
  }

  /** Bytes that this process holds for the peer: unsent ones, and those of a frame that it has not finished. */
  get held(): number {
    return this.#socket.bufferedAmount + this.#partial;
  }

  /** Called once a second. Returns true if the peer has made no progress for `limit` seconds. */
  tick(limit: number): boolean {
    const unsent = this.#socket.bufferedAmount;
    const flushed = (this.#under.bytesWritten ?? 0) - unsent;
    this.#stalled = unsent > 0 && flushed === this.#flushed ? this.#stalled + 1 : 0;
    this.#flushed = flushed;
    this.#unfinished = this.#partial > partialBytes ? this.#unfinished + 1 : 0;
    return this.#stalled >= limit || this.#unfinished >= limit;
  }

  get #partial(): number {
    return (this.#under.bytesRead ?? 0) - this.#readAtFrame;
  }
}
