import { type StoredResponse, sizeOf } from './stored-response.ts';

/** Variants of one URL that are kept at most. */
const maxVariants = 32;

/**
 * Stored responses by URL, several variants each. What was not used for the longest time makes room: the octets of all of them, and of bodies on
 * their way here, stay within a limit.
 */
export class CacheStore {
  readonly #most: number;
  #octets = 0;
  /** The one used last since the store became half full is the last one. */
  readonly #entries = new Map<string, StoredResponse[]>();

  constructor(most: number) {
    this.#most = most;
  }

  get octets(): number {
    return this.#octets;
  }

  /** All variants of a URL; counts as a use. */
  variants(key: string): readonly StoredResponse[] {
    const variants = this.#entries.get(key);
    if (variants === undefined) return [];
    // While there is much room, the order is of no use yet.
    if (this.#octets * 2 >= this.#most) {
      this.#entries.delete(key);
      this.#entries.set(key, variants);
    }
    return variants;
  }

  /** Stores a response in the place of the one for the same variant. */
  put(key: string, response: StoredResponse): void {
    const others = this.variants(key).filter(
      ({ varying, variant }) => variant !== response.variant || varying.join() !== response.varying.join(),
    );
    this.remove(key);
    const variants = [...others.slice(1 - maxVariants), response];
    this.#entries.set(key, variants);
    this.#octets += this.#sizeOf(key, variants);
    this.#makeRoom();
  }

  remove(key: string): void {
    const variants = this.#entries.get(key);
    if (variants === undefined) return;
    this.#entries.delete(key);
    this.#octets -= this.#sizeOf(key, variants);
  }

  /** Reserves room for a body that is on its way. False: there is not so much. */
  reserve(octets: number): boolean {
    if (this.#octets + octets > this.#most && !this.#makeRoom(octets)) return false;
    this.#octets += octets;
    return true;
  }

  release(octets: number): void {
    this.#octets -= octets;
  }

  /** Removes what `matches`. Returns how many URLs were concerned. */
  purge(matches: (key: string, response: StoredResponse) => boolean): number {
    let purged = 0;
    for (const [key, variants] of this.#entries) {
      const kept = variants.filter((response) => !matches(key, response));
      if (kept.length === variants.length) continue;
      purged++;
      this.remove(key);
      if (kept.length > 0) {
        this.#entries.set(key, kept);
        this.#octets += this.#sizeOf(key, kept);
      }
    }
    return purged;
  }

  /** Removes what was not used for the longest time until `more` octets fit; false: they do not. */
  #makeRoom(more = 0): boolean {
    for (const key of this.#entries.keys()) {
      if (this.#octets + more <= this.#most) return true;
      this.remove(key);
    }
    return this.#octets + more <= this.#most;
  }

  #sizeOf(key: string, variants: readonly StoredResponse[]): number {
    return variants.reduce((sum, response) => sum + key.length + sizeOf(response), 0);
  }
}
