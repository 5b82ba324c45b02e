/** More names than this in one burst, and everything is read at once. */
const mostNames = 20;

/** What must be read again: names, never contents. */
export class Stale {
  environments = new Set<string>();
  servers = new Set<string>();
  #all = false;

  get all(): boolean {
    return this.#all || this.environments.size + this.servers.size > mostNames;
  }

  set all(all: boolean) {
    this.#all = all;
  }

  get any(): boolean {
    return this.#all || this.environments.size + this.servers.size > 0;
  }

  /** What there is to read now; afterwards there is nothing. */
  take(): Stale {
    const taken = new Stale();
    taken.put(this);
    this.environments = new Set();
    this.servers = new Set();
    this.#all = false;
    return taken;
  }

  put(other: Stale): void {
    for (const name of other.environments) this.environments.add(name);
    for (const id of other.servers) this.servers.add(id);
    this.#all ||= other.#all;
  }
}
