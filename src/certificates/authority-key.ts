/** The object identifier of the extension authorityKeyIdentifier, 2.5.29.35, in DER. */
const authorityKeyIdentifier = Buffer.from('0603551d23', 'hex');
/** Tag of its first field, keyIdentifier (RFC 5280 section 4.2.1.1). */
const keyIdentifier = 0x80;

/** Id of the key that signed a certificate, as the certificate names it; undefined: it does not. @param raw certificate in DER */
export function authorityKeyOf(raw: Buffer): Buffer | undefined {
  const at = raw.indexOf(authorityKeyIdentifier);
  if (at < 0) return undefined;
  // Octets that hold a sequence. Its length fits in one octet unless it also names the issuer, so lengths are read in full.
  const value = contentAt(raw, at + authorityKeyIdentifier.length);
  const fields = value && contentAt(value, 0);
  return fields?.[0] === keyIdentifier ? contentAt(fields, 0) : undefined;
}

/** Content of the value that begins at `at` (X.690 section 8.1). */
function contentAt(octets: Buffer, at: number): Buffer | undefined {
  const short = octets[at + 1];
  if (short === undefined) return undefined;
  const size = short < 0x80 ? 0 : short & 0x7f;
  if (size > 2 || at + 2 + size > octets.length) return undefined;
  const length = size === 0 ? short : octets.readUIntBE(at + 2, size);
  const start = at + 2 + size;
  return start + length > octets.length ? undefined : octets.subarray(start, start + length);
}
