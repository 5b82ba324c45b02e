/** Table of the Castagnoli polynomial, reflected (RFC 3720 appendix B.4). */
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC32c of `octets`; those from `zeroAt` on, four of them, count as zero. */
export function crc32c(octets: Uint8Array, zeroAt = -1): number {
  let crc = 0xffffffff;
  for (let at = 0; at < octets.length; at++) {
    const octet = zeroAt >= 0 && at >= zeroAt && at < zeroAt + 4 ? 0 : (octets[at] as number);
    crc = (table[(crc ^ octet) & 0xff] as number) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
