import type { ToWorker } from './messages.ts';

type Handled = { message: ToWorker; readonly handle: object | undefined };

/**
 * Carries out the messages of the main process in their order, where one may take turns of the event loop: those after it wait. Of the tables of an
 * environment that wait, only the newest one is kept, so that no more of them wait than there are environments.
 */
export class MessageOrder {
  readonly #carryOut: (message: ToWorker, handle: object | undefined) => Promise<void> | undefined;
  readonly #waiting: Handled[] = [];
  #isBusy = false;

  /** @param carryOut returns undefined if the message has been carried out already */
  constructor(carryOut: (message: ToWorker, handle: object | undefined) => Promise<void> | undefined) {
    this.#carryOut = carryOut;
  }

  receive(message: ToWorker, handle: object | undefined): void {
    if (!this.#isBusy) this.#begin({ message, handle });
    else if (!this.#replaceTable(message)) this.#waiting.push({ message, handle });
  }

  #begin({ message, handle }: Handled): void {
    const done = this.#carryOut(message, handle);
    if (done === undefined) return;
    this.#isBusy = true;
    void done.then(() => {
      this.#isBusy = false;
      while (!this.#isBusy) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#begin(next);
      }
    });
  }

  /** Puts a table in the place of the latest one of its environment, unless that is to be removed in between. */
  #replaceTable(message: ToWorker): boolean {
    const name = environmentOf(message);
    const latest = name === undefined ? undefined : this.#waiting.findLast((one) => environmentOf(one.message) === name);
    if (latest === undefined || message.kind !== 'apply' || latest.message.kind !== 'apply') return false;
    latest.message = message;
    return true;
  }
}

function environmentOf(message: ToWorker): string | undefined {
  if (message.kind === 'apply') return message.table.name;
  return message.kind === 'remove' ? message.name : undefined;
}
