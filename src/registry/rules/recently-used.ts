interface Kept<Value> {
  readonly value: Value;
  readonly length: number;
}

/** The values used last, by name. Their lengths are bounded in sum; the value used least recently gives way first. */
export class RecentlyUsed<Value> {
  readonly #most: number;
  /** The one used least recently first. */
  readonly #kept = new Map<string, Kept<Value>>();
  #length = 0;

  /** @param most sum of the lengths */
  constructor(most: number) {
    this.#most = most;
  }

  /** Sum of the lengths of what is kept. */
  get length(): number {
    return this.#length;
  }

  /** Returns a value, which is now the one used last. */
  get(name: string): Value | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept.value;
  }

  /** Returns a value without a trace: what looks through all of them does not use them. */
  peek(name: string): Value | undefined {
    return this.#kept.get(name)?.value;
  }

  /** Keeps a value instead of the one with this name. A value that is longer than all may be is not kept. */
  put(name: string, value: Value, length: number): void {
    this.drop(name);
    if (length > this.#most) return;
    this.#kept.set(name, { value, length });
    this.#length += length;
    for (const oldest of this.#kept.keys()) {
      if (this.#length <= this.#most) break;
      this.drop(oldest);
    }
  }

  drop(name: string): void {
    this.#length -= this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }

  clear(): void {
    this.#kept.clear();
    this.#length = 0;
  }
}
