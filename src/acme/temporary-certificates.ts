import { createHash, X509Certificate } from 'node:crypto';
import { type CertificateContent, writeCertificate } from '../certificates/certificate.ts';
import { makeKeyPair, privatePem } from '../certificates/key-pair.ts';
import { type Certificate, describeCertificate } from '../tls/certificate.ts';
import type { ChallengeAnswer } from './acme-order.ts';

/** Milliseconds that a certificate made here begins earlier, for clients whose clock is behind, and that it lasts. */
const earlierMs = 3_600_000;
const lastsMs = 365 * 24 * 3_600_000;

/** A self-signed certificate, which holds the place of one that is not issued yet. */
export function temporaryCertificate(name: string, now: number): Certificate {
  return selfSigned(name, {}, now);
}

/** The certificate that answers the challenge TLS-ALPN-01 (RFC 8737 section 3). */
export function challengeCertificate({ name, keyAuthorization }: ChallengeAnswer, now: number): Certificate {
  return selfSigned(name, { acmeDigest: createHash('sha256').update(keyAuthorization).digest() }, now);
}

function selfSigned(host: string, more: Pick<CertificateContent, 'acmeDigest'>, now: number): Certificate {
  const { publicKey, privateKey } = makeKeyPair();
  // A common name has at most 64 characters (RFC 5280 appendix A.1).
  const name = host.slice(0, 64);
  const content = {
    name,
    publicKey,
    purpose: 'server',
    names: { hosts: [host] },
    ...more,
    from: now - earlierMs,
    until: now + lastsMs,
  } as const;
  const chain = writeCertificate(content, { name, privateKey });
  return describeCertificate([new X509Certificate(chain)], chain, privatePem(privateKey));
}
