/** Values of contenders, one for each round, or the reason why there are none. */
export type ByRound<Value> = ReadonlyMap<string, readonly Value[] | { readonly failed: string }>;

/** Collects values of contenders round after round. The first failure of a contender ends its series. */
export class RoundValues<Value> {
  readonly #found = new Map<string, readonly Value[] | { readonly failed: string }>();
  readonly #progress: (text: string) => void;

  constructor(progress: (text: string) => void) {
    this.#progress = progress;
  }

  get found(): ByRound<Value> {
    return this.#found;
  }

  /** @param said a value in the words of the progress */
  async add(name: string, title: string, measure: () => Promise<Value>, said: (value: Value) => string): Promise<void> {
    const before = this.#found.get(name) ?? [];
    if ('failed' in before) return;
    try {
      const value = await measure();
      this.#found.set(name, [...before, value]);
      this.#progress(`${title}, ${name}: ${said(value)}`);
    } catch (error) {
      const failed = (error as Error).message;
      this.#found.set(name, { failed });
      this.#progress(`${title}, ${name}: ${failed}`);
    }
  }
}
