import type { LookupAddress } from 'node:dns';

/** Milliseconds for which an address that failed is tried last. */
const rememberedMs = 10_000;
/** Most failures that are remembered. */
const maxRemembered = 256;

interface Failure {
  readonly until: number;
  /** The connection was refused, at once; otherwise it was not accepted in time. */
  readonly refused: boolean;
}

/** The addresses of a name that failed recently, by port: other addresses are tried before them. */
export class FailingAddresses {
  readonly #failures = new Map<string, Failure>();

  note(address: string, port: number, refused: boolean, now: number): void {
    if (this.#failures.size >= maxRemembered) this.#failures.clear();
    this.#failures.set(keyOf(address, port), { until: now + rememberedMs, refused });
  }

  /** Sorts addresses: first those that did not fail, then those that did not answer, then those that refused. */
  order(addresses: readonly LookupAddress[], port: number, now: number): readonly LookupAddress[] {
    if (this.#failures.size === 0) return addresses;
    const ranked: [LookupAddress[], LookupAddress[], LookupAddress[]] = [[], [], []];
    for (const entry of addresses) ranked[this.#rank(entry.address, port, now)].push(entry);
    return ranked.flat();
  }

  /** Number of the addresses that are worth waiting for: all but those that refused, which take no time. */
  slow(addresses: readonly LookupAddress[], port: number, now: number): number {
    if (this.#failures.size === 0) return addresses.length;
    return addresses.filter(({ address }) => this.#rank(address, port, now) < 2).length;
  }

  #rank(address: string, port: number, now: number): 0 | 1 | 2 {
    const key = keyOf(address, port);
    const failure = this.#failures.get(key);
    if (failure === undefined) return 0;
    if (failure.until > now) return failure.refused ? 2 : 1;
    this.#failures.delete(key);
    return 0;
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
