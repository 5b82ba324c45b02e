import * as z from 'zod';
import { acmeSpec } from './acme.ts';
import { address } from './address.ts';
import { maxPort } from './bounds.ts';
import { duration } from './quantity.ts';

/** Files of one certificate. */
export const certificateFiles = z.strictObject({
  certificate: z.string().min(1).meta({
    description:
      'file with the certificate in PEM form, followed by those that lead to its issuer, relative to the folder of the configuration file. A changed file is noticed within seconds, checked, and used for new connections',
  }),
  key: z.string().min(1).meta({
    description: 'file with its private key in PEM form, not encrypted. Only the user that runs Sluice should be able to read it',
  }),
});

/** Client certificates of an environment. */
export const clientCertificates = z.strictObject({
  ca: z.string().min(1).meta({
    description:
      "file with the certificates of the authorities that issue clients' certificates, in PEM form, relative to the folder of the configuration file. A changed file is noticed within seconds, checked, and used for new connections",
  }),
  crl: z
    .union(
      [
        z
          .string()
          .min(1)
          .transform((file) => [file]),
        z.array(z.string().min(1)),
      ],
      'must be the name of a file, or a list of them',
    )
    .default([])
    .meta({
      description:
        'files with revocation lists (CRL) of these authorities, in PEM form: a certificate that one of them names is refused. Watched and checked like `ca`. The certificates of an authority without a list are not looked up',
    }),
  require: z.boolean().default(true).meta({
    description:
      'true: a request without a client certificate is refused; false: only one with a certificate that none of the authorities issued, or that is not valid',
  }),
  chain: z.boolean().default(false).meta({
    description:
      'true: servers also get the intermediate certificates that the client has shown, in Client-Cert-Chain (RFC 9440). Each connection to the listener then makes a full handshake, because resumed sessions do not have them',
  }),
});

/** TLS of an environment's listener. */
export const tlsSpec = z
  .strictObject({
    certificates: z.array(certificateFiles).default([]).meta({
      description:
        'certificates, chosen by the name that the client asks for: the exact name, then a wildcard of one label, else the first. Environments that share a listener share their certificates',
    }),
    acme: acmeSpec.optional().meta({
      description:
        'an authority that issues a certificate for each of `hosts` that no file of `certificates` covers, and renews it (ACME). Balancers on one registry share them',
    }),
    minVersion: z
      .union([z.literal('1.2'), z.literal('1.3'), z.literal(1.2), z.literal(1.3)], 'must be "1.2" or "1.3"')
      .transform((version) => String(version) as '1.2' | '1.3')
      .prefault('1.2')
      .meta({ description: 'lowest version of TLS that clients may use: 1.2 or 1.3. Environments that share a listener must agree' }),
    clientCertificates: clientCertificates.optional().meta({
      description:
        'certificates that clients must show. Every client of the listener is asked for one; each environment decides about its own requests',
    }),
    redirectFrom: address.optional().meta({
      description:
        'address without TLS whose requests are answered with 308 and the same URL with https, for example 0.0.0.0:80. Environments can share it if they share their listener',
    }),
    publicPort: z.int().min(0).max(maxPort).default(0).meta({
      title: 'port',
      description: 'port that redirects name, if clients reach the listener by another one, for example behind a port mapping; 0: its own',
    }),
    hsts: duration.prefault('0s').meta({
      description:
        'time for which browsers use nothing but https for the host (Strict-Transport-Security on all responses of the environment); 0: not said. It cannot be taken back before that time ends',
    }),
  })
  .refine(({ certificates, acme }) => certificates.length > 0 || acme !== undefined, {
    path: ['certificates'],
    message: 'must have at least 1 entry, unless an authority under acme issues the certificates',
  });

export type TlsSpec = z.output<typeof tlsSpec>;
export type ClientCertificates = z.output<typeof clientCertificates>;
