/** Bounds of a {@link FairQueue}. */
export interface FairQueueLimits {
  /** Tasks that run at the same time. */
  readonly running: number;
  /** Tasks that wait, those of all keys together. */
  readonly waiting: number;
  /** Tasks of one key that wait. */
  readonly waitingPerKey: number;
}

interface Task {
  readonly start: () => void;
  readonly refuse: () => void;
}

/**
 * Runs costly tasks, few at a time. Keys take turns, so that a key with many tasks delays the task of another key by at most one round. Once too many
 * tasks wait, the key with most of them loses its latest one to a key that has none.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  /** Waiting tasks by key; the key whose turn is next is first. */
  readonly #waiting = new Map<string, Task[]>();
  #running = 0;
  #size = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  /** Resolves to the result of the task, or to undefined if too many tasks wait. */
  run<Result>(key: string, task: () => Promise<Result>): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      const start = () => {
        this.#running++;
        task()
          .then(resolve, reject)
          .finally(() => {
            this.#running--;
            this.#next();
          });
      };
      if (this.#running < this.#limits.running) start();
      else if (this.#hasRoom(key)) this.#wait(key, { start, refuse: () => resolve(undefined) });
      else resolve(undefined);
    });
  }

  #hasRoom(key: string): boolean {
    const own = this.#waiting.get(key)?.length ?? 0;
    if (own >= this.#limits.waitingPerKey) return false;
    if (this.#size < this.#limits.waiting) return true;
    if (own > 0) return false;
    const [longest, tasks] = [...this.#waiting].reduce((one, other) => (other[1].length > one[1].length ? other : one));
    if (tasks.length < 2) return false;
    tasks.pop()?.refuse();
    this.#size--;
    return longest !== key;
  }

  #wait(key: string, task: Task): void {
    const tasks = this.#waiting.get(key);
    if (tasks === undefined) this.#waiting.set(key, [task]);
    else tasks.push(task);
    this.#size++;
  }

  #next(): void {
    for (const [key, tasks] of this.#waiting) {
      const task = tasks.shift() as Task;
      this.#waiting.delete(key);
      if (tasks.length > 0) this.#waiting.set(key, tasks);
      this.#size--;
      task.start();
      return;
    }
  }
}
