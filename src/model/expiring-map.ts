import type { Clock } from './clock.ts';

/** Map of bounded size whose entries end. A new entry takes the room of the one that was used longest ago. */
export class ExpiringMap<Value> {
  /** The entry that was used last since the map became half full is last. */
  readonly #entries = new Map<string, { readonly value: Value; readonly end: number }>();
  readonly #most: number;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(most: number, clock: Pick<Clock, 'now'>) {
    this.#most = most;
    this.#clock = clock;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.end <= this.#clock.now()) {
      this.#entries.delete(key);
      return undefined;
    }
    // While there is much room, the order is of no use yet.
    if (this.#entries.size * 2 >= this.#most) {
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
    return entry.value;
  }

  set(key: string, value: Value, lifeMs: number): void {
    this.#entries.delete(key);
    if (lifeMs <= 0) return;
    if (this.#entries.size >= this.#most) this.#entries.delete(this.#entries.keys().next().value as string);
    this.#entries.set(key, { value, end: this.#clock.now() + lifeMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
