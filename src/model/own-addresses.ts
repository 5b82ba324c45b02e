import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { unmapped } from './ip-address.ts';

/** Milliseconds for which the addresses of the interfaces are believed to stay. */
const keptMs = 5_000;

/** Tells addresses of this machine from those of others: loopback, and the addresses of its network interfaces. */
export class OwnAddresses {
  readonly #interfaces: typeof networkInterfaces;
  readonly #now: () => number;
  #addresses: ReadonlySet<string> = new Set();
  #until = Number.NEGATIVE_INFINITY;

  constructor(interfaces = networkInterfaces, now: () => number = () => performance.now()) {
    this.#interfaces = interfaces;
    this.#now = now;
  }

  /** True if `host` is this machine. A name other than localhost may be any machine: false. */
  has(host: string): boolean {
    const address = unmapped(host).replace(/%.*$/, '');
    if (address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'))) return true;
    const now = this.#now();
    if (now >= this.#until) {
      this.#until = now + keptMs;
      const all = Object.values(this.#interfaces()).flatMap((addresses = []) => addresses);
      this.#addresses = new Set(all.map((one) => one.address.replace(/%.*$/, '')));
    }
    return this.#addresses.has(address);
  }
}

/** The process-wide instance. */
export const ownAddresses = new OwnAddresses();
