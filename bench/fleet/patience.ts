/** Waits for something that is looked at anew whenever somebody says that it may have changed. */
export class Patience {
  readonly #waiting = new Set<() => void>();

  /** Something happened. */
  wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  /**
   * Settles once `holds`; rejects, with what `progress` says, if that takes longer than `limitMs`. What `holds` throws
   * ends the wait too.
   */
  until(holds: () => boolean, progress: () => string, limitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      const look = () => {
        try {
          if (holds()) end(resolve);
        } catch (error) {
          end(() => reject(error));
        }
      };
      const timer = setTimeout(() => end(() => reject(new Error(`after ${limitMs / 1000} s: ${progress()}`))), limitMs);
      this.#waiting.add(look);
      look();
    });
  }
}
