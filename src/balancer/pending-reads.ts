/** Names of the environments and servers that must be read again. Holds names only, never contents, so that bursts coalesce. */
export class PendingReads {
  environments = new Set<string>();
  servers = new Set<string>();
  /** Everything must be read. */
  all = false;

  /** Number of names. */
  get size(): number {
    return this.environments.size + this.servers.size;
  }

  get isEmpty(): boolean {
    return !this.all && this.size === 0;
  }

  /** Returns the pending reads and empties this set of them. */
  take(): PendingReads {
    const taken = new PendingReads();
    taken.add(this);
    this.environments = new Set();
    this.servers = new Set();
    this.all = false;
    return taken;
  }

  add(other: PendingReads): void {
    for (const name of other.environments) this.environments.add(name);
    for (const id of other.servers) this.servers.add(id);
    this.all ||= other.all;
  }
}
