import type { BodyObserver } from '../../http1/message/bodies.ts';
import type { CacheStore } from './cache-store.ts';

/** Records the body of a response that is to be stored. What it holds counts as octets of the store. */
export class Recording implements BodyObserver {
  readonly #store: CacheStore;
  readonly #most: number;
  readonly #ended: (body: Buffer | undefined) => void;
  #pieces: Buffer[] | undefined = [];
  #octets = 0;

  /** @param most octets of the body at most @param ended gets the body; undefined: it was cut off, or is too large */
  constructor(store: CacheStore, most: number, ended: (body: Buffer | undefined) => void) {
    this.#store = store;
    this.#most = most;
    this.#ended = ended;
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#pieces === undefined) return;
    const octets = end - start;
    if (this.#octets + octets > this.#most || !this.#store.reserve(octets)) {
      this.#finish(undefined);
      return;
    }
    this.#octets += octets;
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
  }

  ended(complete: boolean): void {
    if (this.#pieces !== undefined) this.#finish(complete ? Buffer.concat(this.#pieces) : undefined);
  }

  #finish(body: Buffer | undefined): void {
    this.#pieces = undefined;
    this.#store.release(this.#octets);
    this.#ended(body);
  }
}
