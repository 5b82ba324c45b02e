import * as z from 'zod';
import { contentHash, sha256 } from './content-hash.ts';
import type { Immutable } from './immutable.ts';
import { name } from './name.ts';
import { passwordDigest } from './password-digest.ts';

/** Bounds of one consumer, so that no bucket of consumers grows without end. */
export const mostKeys = 20;
export const mostPasswords = 5;
export const mostSubscriptions = 100;

/** Id of a key or password of one consumer: a name for it that tells nothing about it. */
export const credentialId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or digit')
  .meta({ description: 'id of the key or password, which tells nothing about it' });

/** Instant in milliseconds since 1970. */
const instant = z.int().min(0);

/** Loose here and below: a change by this version keeps what a newer version has written. */
const consumerKey = z.looseObject({
  id: credentialId,
  /** SHA-256 of the key, in hexadecimal digits. The key itself is stored nowhere. */
  sha256,
  /** The key is valid until then; absent: until it is revoked. */
  expires: instant.exactOptional(),
});

/** A password for basic authentication. */
const consumerPassword = z.looseObject({ id: credentialId, scrypt: passwordDigest, expires: instant.exactOptional() });

/** A program or person that calls APIs: its credentials, and the products that it has subscribed to. */
export const consumer = z.looseObject({
  name,
  createdAt: instant,
  keys: z.array(consumerKey).max(mostKeys),
  passwords: z.array(consumerPassword).max(mostPasswords),
  /** Names of products. */
  products: z.array(name).max(mostSubscriptions),
});

export type Consumer = Immutable<z.output<typeof consumer>>;
export type ConsumerKey = Immutable<z.output<typeof consumerKey>>;

/** Tag of a consumer: differs after each change. */
export function consumerTag(one: Consumer): string {
  return contentHash(one).slice(0, 16);
}
