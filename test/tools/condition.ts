/** A condition variable: lets tests wait until something is true, looked at whenever it may have changed. */
export class Condition {
  readonly #looks = new Set<() => void>();

  /** Settles with the first thing that `look` finds, now or at a change; rejects with what it throws. */
  until<Found>(look: () => Found | undefined | false): Promise<Found> {
    return new Promise((resolve, reject) => {
      const lookAgain = () => {
        try {
          const found = look();
          if (found === undefined || found === false) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#looks.delete(lookAgain);
      };
      this.#looks.add(lookAgain);
      lookAgain();
    });
  }

  /** Something has changed: whoever waits looks again. */
  notify(): void {
    for (const lookAgain of [...this.#looks]) lookAgain();
  }
}
