import { type Wait, within } from './within.ts';

/** A condition variable: a waiting test looks again whenever the state may have changed. */
export class Condition {
  readonly #looks = new Set<() => void>();

  /** Resolves with the first thing that `look` finds, now or after a change. Rejects with what `look` throws, or as {@link within} does. */
  async until<Found>(look: () => Found | undefined | false, wait: Wait): Promise<Found> {
    let lookAgain = () => {};
    const found = new Promise<Found>((resolve, reject) => {
      lookAgain = () => {
        try {
          const result = look();
          if (result === undefined || result === false) return;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        // At once: a `look` that takes what it finds must not run twice.
        this.#looks.delete(lookAgain);
      };
      this.#looks.add(lookAgain);
      lookAgain();
    });
    try {
      return await within(found, wait);
    } finally {
      this.#looks.delete(lookAgain);
    }
  }

  /** Announces a change: every waiting test looks again. */
  notify(): void {
    for (const lookAgain of [...this.#looks]) lookAgain();
  }
}
