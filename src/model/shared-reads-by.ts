import { SharedReads } from './shared-reads.ts';

/** Things whose reads are shared at a time; the one that was asked for least recently is forgotten first. */
const most = 64;

/** {@link SharedReads} of several things by their names, such as environments: those who ask for one do not wait for another, nor read it. */
export class SharedReadsBy<Result> {
  readonly #read: (name: string) => Promise<Result>;
  readonly #options: { rests?: boolean };
  /** The one that was asked for least recently first. */
  readonly #shared = new Map<string, SharedReads<Result>>();

  constructor(read: (name: string) => Promise<Result>, options: { rests?: boolean } = {}) {
    this.#read = read;
    this.#options = options;
  }

  now(name: string): Promise<Result> {
    const shared = this.#shared.get(name) ?? new SharedReads(() => this.#read(name), this.#options);
    this.#shared.delete(name);
    this.#shared.set(name, shared);
    const [oldest] = this.#shared.keys();
    if (this.#shared.size > most && oldest !== undefined) this.#shared.delete(oldest);
    return shared.now();
  }
}
