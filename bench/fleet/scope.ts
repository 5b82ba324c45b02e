/** Where work leaves what is to be undone at its end, in reverse order; a tap test is one. */
export interface Scope {
  teardown(task: () => unknown): void;
}

/** A {@link Scope} of its own. */
export class OwnScope implements Scope {
  readonly #tasks: (() => unknown)[] = [];
  #ending: Promise<void> | undefined;

  teardown(task: () => unknown): void {
    this.#tasks.push(task);
  }

  /** Undoes everything, once. Never rejects: what fails is told, the rest goes on. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      try {
        await task();
      } catch (error) {
        process.stderr.write(`cleaning up: ${(error as Error).message}\n`);
      }
    }
  }
}
