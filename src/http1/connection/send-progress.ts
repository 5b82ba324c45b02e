import type { Deadlines } from './deadlines.ts';
import { sendQueues } from './send-queues.ts';
import type { Wire } from './wire.ts';

/** Looks at a peer within its time limit: it may read a little longer than the limit in none of them before it counts as stalled. */
const looks = 8;
/** Greatest age of what a look sees, in milliseconds. */
const maxAgeMs = 1000;

/**
 * Watches whether a peer reads what was sent to it. A slow but steady reader frees the kernel's send buffer, which holds megabytes, in steps
 * that can take minutes; in between nothing more can be written and no event comes. So what the peer has not acknowledged yet is
 * looked at a few times within the limit: as long as it shrinks, the peer is slow, not stalled.
 */
export class SendProgress {
  readonly #wire: Wire;
  readonly #deadlines: Deadlines;
  #limitMs = 0;
  /** Time at which the peer was last known to read, by the deadlines. */
  #movedAt = 0;
  #unread: number | undefined;
  /** Changes with each wait, so that a look that was begun in an earlier one is ignored. */
  #wait = 0;
  #waiting = false;

  constructor(wire: Wire, deadlines: Deadlines) {
    this.#wire = wire;
    this.#deadlines = deadlines;
  }

  /** A wait for the peer is in progress. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Begins a wait for a peer that may stall for `limitMs`, 0: without limit. Returns the deadline at which to {@link look}. */
  begin(limitMs: number): number {
    this.#wait++;
    this.#limitMs = limitMs;
    this.#waiting = limitMs > 0;
    this.#movedAt = this.#deadlines.now;
    this.#unread = undefined;
    return this.#waiting ? this.#nextLook : 0;
  }

  end(): void {
    this.#wait++;
    this.#waiting = false;
  }

  /** Calls `then` with the deadline of the next look, or with undefined if the peer has read nothing within the limit. Not called after `end`. */
  look(then: (next: number | undefined) => void): void {
    const wait = this.#wait;
    const { fd = -1, writeQueueSize = 0 } = handleOf(this.#wire) ?? {};
    void sendQueues.of(fd, Math.min(maxAgeMs, this.#limitMs / (2 * looks))).then((queued = 0) => {
      if (wait !== this.#wait) return;
      const unread = writeQueueSize + queued;
      if (this.#unread !== undefined && unread < this.#unread) this.#movedAt = this.#deadlines.now;
      this.#unread = unread;
      const stalled = this.#deadlines.now >= this.#movedAt + this.#limitMs;
      try {
        then(stalled ? undefined : this.#nextLook);
      } catch (error) {
        this.#wire.receiver.crashed(error);
      }
    });
  }

  get #nextLook(): number {
    const { now } = this.#deadlines;
    return Math.min(now + this.#limitMs / looks, Math.max(this.#movedAt + this.#limitMs, now + 1));
  }
}

interface Handle {
  readonly fd?: number;
  readonly writeQueueSize?: number;
}

/** The internal handle of a wire, as a wire without a socket shows it, or a socket has it. */
function handleOf({ handle, _handle }: Wire & { readonly _handle?: Handle | null }): Handle | null | undefined {
  return handle ?? _handle;
}
