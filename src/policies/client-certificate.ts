import * as z from 'zod';
import type { PolicyType } from './contract.ts';
import { type Refusal, refuse } from './refusal.ts';
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
  dry: true,
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
      run(context) {
        const field = context.request.clientCertificate;
        if (field === undefined) return refuse(context, needed);
        const shown = readShown(field);
        if (shown !== undefined && matches(shown)) return undefined;
        return refuse(context, unknown);
      },
    };
  },
};

const needed: Refusal = { status: 403, code: 'client-certificate-needed', title: 'The request needs a client certificate' };
const unknown: Refusal = {
  status: 403,
  code: 'client-certificate-unknown',
  title: 'The client certificate is not one that may make this request',
};
