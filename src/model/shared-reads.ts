/**
 * Reads that are shared: one is under way at a time, and all who ask meanwhile get the one after it. Each caller gets what was true at a time after the call, and
 * any number of callers causes no more work, nor more memory, than two.
 */
export class SharedReads<Result> {
  readonly #read: () => Promise<Result>;
  #underWay: Promise<Result> | undefined;
  #next: Promise<Result> | undefined;

  constructor(read: () => Promise<Result>) {
    this.#read = read;
  }

  now(): Promise<Result> {
    if (this.#underWay === undefined) return this.#begin();
    this.#next ??= this.#underWay.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<Result> {
    this.#next = undefined;
    const begun = this.#read().finally(() => {
      if (this.#underWay === begun) this.#underWay = undefined;
    });
    this.#underWay = begun;
    return begun;
  }
}
