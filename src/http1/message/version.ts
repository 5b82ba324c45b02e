import { DOT, NINE, ONE, ZERO } from './octets.ts';
import { type WireFault, wireFaults } from './wire-fault.ts';

/** Result of {@link readVersion}: the octets so far may be the beginning of a version. */
export const PARTIAL = -1;
/** Length of an HTTP-version in octets. */
export const versionLength = 8;

const prefix = Buffer.from('HTTP/');

/**
 * Reads the HTTP-version at `at` (RFC 9112 section 2.3).
 * @returns the minor version, which is 1 for any later one (RFC 9110 section 2.5); {@link PARTIAL} if [at, stop) ends too early; or a fault
 */
export function readVersion(bytes: Buffer, at: number, stop: number): number | WireFault {
  for (let index = 0; index < versionLength; index++) {
    if (at + index >= stop) return PARTIAL;
    const octet = bytes[at + index] as number;
    if (index < prefix.length ? octet !== prefix[index] : index === 6 ? octet !== DOT : octet < ZERO || octet > NINE)
      return wireFaults.badVersion;
  }
  if (bytes[at + 5] !== ONE) return wireFaults.unsupportedVersion;
  return bytes[at + 7] === ZERO ? 0 : 1;
}
