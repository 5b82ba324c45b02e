import { isIP } from 'node:net';
import { plainAddress } from './certificate.ts';

/** Something that is served under the names of a certificate. */
interface Named {
  readonly names: readonly string[];
}

/** Finds the certificate for the name that a client asks for: the exact name, then the wildcard of one label, else the first. */
export class CertificateNames<Entry extends Named> {
  readonly first: Entry;
  readonly #exact = new Map<string, Entry>();
  /** Keyed by the name after `*.`. */
  readonly #wildcard = new Map<string, Entry>();

  /** @param entries at least one; of two with the same name the earlier one is found */
  constructor(entries: readonly Entry[]) {
    this.first = entries[0] as Entry;
    for (const entry of entries) {
      for (const name of entry.names) {
        const [names, key] = name.startsWith('*.') ? [this.#wildcard, name.slice(2)] : [this.#exact, name];
        if (!names.has(key)) names.set(key, entry);
      }
    }
  }

  /** @param asked by the client, in server_name (RFC 6066 section 3); undefined or false: the client named none */
  find(asked: string | false | undefined): Entry {
    if (asked === undefined || asked === false) return this.first;
    const name = asked.toLowerCase();
    return this.#exact.get(name) ?? this.#wildcard.get(name.slice(name.indexOf('.') + 1)) ?? this.first;
  }
}

/** True if one of a certificate's names is the host, a name or an IP address without port (RFC 6125 section 6.4). */
export function coversHost(names: readonly string[], host: string): boolean {
  const given = host.toLowerCase();
  const address = plainAddress(given);
  if (isIP(address) !== 0) return names.includes(address);
  const name = given.endsWith('.') ? given.slice(0, -1) : given;
  if (names.includes(name)) return true;
  const dot = name.indexOf('.');
  return dot > 0 && names.includes(`*${name.slice(dot)}`);
}
