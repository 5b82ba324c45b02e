import * as z from 'zod';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';

const certificateId = z.string().regex(/^[0-9a-f]{1,64}$/);

/** Public key of a server: P-256, as SubjectPublicKeyInfo (RFC 5480) in DER, base64. The prefix is the same for every such key. */
const key = z
  .string()
  .regex(/^MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==$/, 'must be a P-256 public key (SubjectPublicKeyInfo in DER, base64)');

/** Certificate by which a server proves to balancers who it is. */
export const hopCertificate = z.object({
  /** Names the certificate by its digest. */
  id: certificateId,
  /** Names the authorities in `pem`: the certificate is renewed when they change. */
  authorities: z.string().max(300),
  /** Names the authority that issued it; absent: a version that did not say so did. */
  issuer: z.string().max(64).exactOptional(),
  /** PEM: the server's certificate, then its authorities. Absent where the reader has it already, or needs only its dates. */
  pem: z.string().max(20_000).exactOptional(),
  /** Last date, in milliseconds since 1970. */
  until: z.number(),
});

/** TLS between balancers and a server, as the registry records it. */
export const serverHop = z.object({
  key,
  /** Absent until a balancer has certified the key, and again once the server is in another environment, which the certificate does not name. */
  certificate: hopCertificate.exactOptional(),
  /** The server answers TLS with a certificate for its key and its environment. */
  serves: z.literal(true).exactOptional(),
});

/** The certificate with which a server answers TLS, and the environment that the certificate names; absent: none. */
const serving = z.object({ certificate: certificateId, environment: name.exactOptional() });

/** The key that a server wants to be certified, and the certificate that it has already. */
export const hopRequest = z.object({ key, serves: serving.exactOptional() });

export type HopCertificate = Immutable<z.output<typeof hopCertificate>>;
export type ServerHop = Immutable<z.output<typeof serverHop>>;
export type HopRequest = Immutable<z.output<typeof hopRequest>>;
