import * as z from 'zod';
import { certificatesFault } from './certificate.ts';
import { isHiddenKey } from './hidden-keys.ts';

const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';

/** Kinds of proof that a name is served here (RFC 8555 section 8.3, RFC 8737). */
export const challengeTypes = ['http-01', 'tls-alpn-01'] as const;
export type ChallengeType = (typeof challengeTypes)[number];

const externalAccount = z
  .strictObject({
    keyId: z.string().default('').meta({ description: "the authority's id of your account" }),
    hmac: z
      .string()
      .refine((text) => isHiddenKey(text) || /^[A-Za-z0-9_-]*=*$/.test(text), 'must be in base64url, as the authority gives it')
      .default('')
      .meta({ description: 'its key, in base64url. Answers of the admin API do not show it' }),
  })
  .superRefine(({ keyId, hmac }, context) => {
    if ((keyId === '') === (hmac === '')) return;
    const [path, message] =
      keyId === ''
        ? ['keyId', 'is missing: the authority gives it with the key hmac']
        : ['hmac', 'is missing: the authority gives it with keyId'];
    context.addIssue({ code: 'custom', path: [path], message });
  });

/** Certificates that an authority issues by itself, by ACME (RFC 8555). */
export const acmeSpec = z.strictObject({
  email: z
    .union([z.literal(''), z.email('must be one address of the form name@example.com')], 'must be one address of the form name@example.com')
    .default('')
    .meta({ description: 'address at which the authority may reach you' }),
  directory: z.string().refine(isDirectory, "must be the https:// URL of an authority's directory").default(letsEncrypt).meta({
    description:
      "URL of the authority's directory; the default is that of Let's Encrypt. To name it here means that you agree to the authority's terms of service",
  }),
  ca: z
    .string()
    .superRefine((text, context) => {
      const fault = text === '' ? undefined : certificatesFault(text);
      if (fault !== undefined) context.addIssue(fault);
    })
    .default('')
    .meta({
      description:
        "certificates of the authorities that the directory's own certificate is checked against, instead of the public ones: PEM text or the name of a file with it",
    }),
  challenge: z.enum(challengeTypes).default('http-01').meta({
    description:
      'proof that a name leads here. http-01: the authority asks at port 80 of the name, which leads to redirectFrom; tls-alpn-01: it connects to port 443 of the name, which leads to listen',
  }),
  eab: externalAccount.prefault({}).meta({ description: 'account that the authority wants to see named (external account binding)' }),
});

export type AcmeSpec = z.output<typeof acmeSpec>;

function isDirectory(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

/** True for a host name that ACME can prove by its challenges at the name itself: no wildcard, no IP address (RFC 1123 section 2.1). */
export function isIssuable(host: string): boolean {
  const labels = host.split('.');
  return (
    host.length <= 253 && labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  );
}
