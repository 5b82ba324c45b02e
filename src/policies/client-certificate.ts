import * as z from 'zod';
import type { PolicyAnswer, PolicyType } from './contract.ts';
import { attributesOf, readShown, type ShownCertificate } from './shown-certificate.ts';

const attribute = /^[A-Za-z0-9.]+=/;

const subject = z
  .string()
  .refine((given) => attributesOf(given, ',').every((one) => attribute.test(one)), 'must be attributes, such as "CN=orders, O=Example"');

const fingerprint = z
  .string()
  .transform((given) => given.replaceAll(':', '').toLowerCase())
  .refine((given) => /^[0-9a-f]{64}$/.test(given), 'must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons');

const settings = z
  .strictObject({
    subjects: z.array(subject).default([]).meta({
      description:
        'subjects, as attributes with commas between: `CN=orders, O=Example`. A certificate matches if its subject has all attributes of one of them, with the same values; a comma in a value is written `\\,`',
    }),
    fingerprints: z.array(fingerprint).default([]).meta({
      description: "SHA-256 of certificates, as `openssl x509 -noout -fingerprint -sha256` prints it; colons and case don't matter",
    }),
  })
  .refine((given) => given.subjects.length + given.fingerprints.length > 0, 'needs at least one of subjects, fingerprints');

/**
 * Lets a request pass only if its client has shown a certificate with one of `subjects` or `fingerprints`; else answers 403. The listener
 * has checked the certificate, or a trusted proxy has (RFC 9440).
 */
export const clientCertificate: PolicyType<typeof settings> = {
  settings,
  points: ['proxyRequest'],
  *create({ subjects, fingerprints }) {
    const wanted: ReturnType<typeof attributesOf>[] = [];
    for (const subject of subjects) {
      wanted.push(attributesOf(subject, ','));
      yield;
    }
    const matches = (shown: ShownCertificate) =>
      fingerprints.includes(shown.fingerprint) || wanted.some((attributes) => attributes.every((one) => shown.attributes.has(one)));
    return {
      run({ request, requestId }) {
        const field = request.clientCertificate;
        if (field === undefined) return refusal('client-certificate-needed', 'The request needs a client certificate', requestId);
        const shown = readShown(field);
        if (shown !== undefined && matches(shown)) return undefined;
        return refusal('client-certificate-unknown', 'The client certificate is not one that may make this request', requestId);
      },
    };
  },
};

function refusal(code: string, title: string, requestId: string): PolicyAnswer {
  return {
    status: 403,
    headers: { 'content-type': 'application/problem+json' },
    body: `${JSON.stringify({ type: 'about:blank', title, status: 403, code, requestId })}\n`,
  };
}
