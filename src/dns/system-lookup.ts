import { lookup } from 'node:dns/promises';

/** Milliseconds that one lookup may take. */
const limitMs = 5000;
/** Most lookups that wait for their turn. */
const maxWaiting = 100;

/**
 * Asks the system (getaddrinfo), one name at a time: a lookup takes one of Node's few threads until the system gives up, which it does
 * after as much as 30 s.
 */
export class SystemLookup {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #occupied = false;

  async find(name: string): Promise<readonly string[]> {
    if (this.#waiting >= maxWaiting) throw new Error('too many names wait for the system');
    this.#waiting++;
    const turn = this.#last.then(() => this.#find(name)).finally(() => this.#waiting--);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #find(name: string): Promise<readonly string[]> {
    if (this.#occupied) throw new Error('the system has not answered for another name yet');
    this.#occupied = true;
    const asked = lookup(name, { all: true }).finally(() => {
      this.#occupied = false;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the system did not answer in time')), limitMs);
    });
    const found = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
    return found.map(({ address }) => address);
  }
}
