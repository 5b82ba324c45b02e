/** Milliseconds of a read after which the next one waits. */
const shortMs = 2;
/** Milliseconds that a read waits at most for the sake of the one before. */
const longestRestMs = 500;

/**
 * Reads that are shared: one is under way at a time, and all who ask meanwhile get the one after it. Each caller gets what was true at a time after the call, and
 * any number of callers causes no more work, nor more memory, than two. Reads for people and monitors rest: one that took long is followed by a rest of the same
 * length, so that traffic has half of the time, however fast they ask again.
 */
export class SharedReads<Result> {
  readonly #read: () => Promise<Result>;
  readonly #rests: boolean;
  readonly #now: () => number;
  /** True until a read has ended, and the rest after it. */
  #underWay = false;
  #next: Next<Result> | undefined;

  /** @param rests true: a read that took long is followed by a rest; default: the next one begins at once, since traffic itself depends on it */
  constructor(read: () => Promise<Result>, { rests = false, now = () => performance.now() }: { rests?: boolean; now?: () => number } = {}) {
    this.#read = read;
    this.#rests = rests;
    this.#now = now;
  }

  now(): Promise<Result> {
    if (!this.#underWay) return this.#begin();
    this.#next ??= new Next();
    return this.#next.result;
  }

  #begin(): Promise<Result> {
    this.#underWay = true;
    const begunAt = this.#now();
    return this.#read().finally(() => {
      const ms = this.#now() - begunAt;
      if (!this.#rests || ms <= shortMs) this.#rested();
      else setTimeout(() => this.#rested(), Math.min(ms, longestRestMs));
    });
  }

  #rested(): void {
    const next = this.#next;
    this.#next = undefined;
    this.#underWay = false;
    next?.begin(this.#begin());
  }
}

/** A read that has not begun. */
class Next<Result> {
  begin!: (read: Promise<Result>) => void;
  readonly result = new Promise<Result>((resolve) => {
    this.begin = resolve;
  });
}
