import { type WireFault, wireFaults } from './wire-fault.ts';

/** The octets so far may be the beginning of a version. */
export const PARTIAL = -1;
/** Octets in a version. */
export const versionLength = 8;

const prefix = Buffer.from('HTTP/');
const ONE = 0x31;
const DOT = 0x2e;

/**
 * Reads the HTTP-version at `at` (RFC 9112 section 2.3).
 * @returns the minor version; 1 for any later one, as RFC 9110 section 2.5 asks; {@link PARTIAL} if [at, stop) ends too early
 */
export function readVersion(bytes: Buffer, at: number, stop: number): number | WireFault {
  for (let index = 0; index < versionLength; index++) {
    if (at + index >= stop) return PARTIAL;
    const octet = bytes[at + index] as number;
    if (index < prefix.length ? octet !== prefix[index] : index === 6 ? octet !== DOT : octet < 0x30 || octet > 0x39)
      return wireFaults.badVersion;
  }
  if (bytes[at + 5] !== ONE) return wireFaults.unsupportedVersion;
  return bytes[at + 7] === 0x30 ? 0 : 1;
}
