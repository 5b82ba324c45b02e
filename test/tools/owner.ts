/** Runs the tasks registered with it when its work is over, the last one first. A tap test is one. */
export interface Owner {
  teardown(task: () => unknown): void;
}

/** An {@link Owner} outside of tap. */
export class Scope implements Owner {
  readonly #tasks: (() => unknown)[] = [];
  #ending: Promise<void> | undefined;

  teardown(task: () => unknown): void {
    this.#tasks.push(task);
  }

  /** Runs every task, once however often it is called. Rejects with the first failure, after the other tasks have run as well. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const failures: unknown[] = [];
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      try {
        await task();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
