import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** The certificates in a PEM text (RFC 7468), in its order; undefined unless every block of it is a certificate, and there is at least one. */
export function certificatesIn(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length !== pem.split('-----BEGIN').length - 1) return undefined;
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** Why a text cannot be used as the private key of a certificate, with the remedy; undefined: it can be. Repeats nothing of the text. */
export function keyFault(key: string): string | undefined {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key))
    return 'is protected by a passphrase: decrypt it, for example with openssl pkey -in FILE -out PLAIN';
  return read(key) === undefined ? 'must be a private key in PEM: a text with the line -----BEGIN PRIVATE KEY-----' : undefined;
}

/** Why a certificate (a chain begins with it) and a private key do not belong together; undefined: they do, or one of them is invalid. */
export function pairFault(certificate: string, key: string): string | undefined {
  const [leaf] = certificatesIn(certificate) ?? [];
  const secret = read(key);
  if (leaf === undefined || secret === undefined) return undefined;
  if (leaf.checkPrivateKey(secret)) return refusal({ cert: certificate, key });
  const later = certificatesIn(certificate)?.some((other) => other.checkPrivateKey(secret));
  if (later) return 'belongs to a later certificate of the chain: put that certificate first';
  return 'does not fit the certificate: give the key that the certificate was issued for';
}

/** Why OpenSSL accepts no connection with a certificate and its key, for example because the key is too short. */
function refusal(pair: { cert: string; key: string }): string | undefined {
  try {
    createSecureContext(pair);
    return undefined;
  } catch (error) {
    const { reason = 'the reason is unknown' } = error as { reason?: string };
    return `is refused by OpenSSL, with its certificate: ${reason}`;
  }
}

/** Why certificates are not valid at a date (milliseconds since 1970), or soon will not be; undefined: they are. */
export function dateFault(pem: string, date: number): string | undefined {
  for (const { subject, validFrom, validTo } of certificatesIn(pem) ?? []) {
    const name = subject.replaceAll('\n', ', ');
    const [from, until] = [Date.parse(validFrom), Date.parse(validTo)];
    if (until <= date) return `has expired (${name}, on ${day(until)}): connections fail until it is replaced`;
    if (from > date) return `is not valid before ${day(from)} (${name}): connections fail until then`;
    if (until - date < warnMs) return `expires soon (${name}, on ${day(until)}): replace it before that day`;
  }
  return undefined;
}

/** Milliseconds before the end of a certificate from which it is worth a warning. */
const warnMs = 14 * 86_400_000;

function day(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}

function read(key: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(key);
  } catch {
    return undefined;
  }
}
