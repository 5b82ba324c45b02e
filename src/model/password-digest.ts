import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';

/** Cost of new digests: 32 MiB and about 0.2 s of one core, one of the settings that OWASP recommends for scrypt. */
const cost = { ln: 15, r: 8, p: 3 };
const saltOctets = 16;
const hashOctets = 32;

/** Greatest costs that are accepted: a digest may need 128 MiB at most. */
const most = { ln: 17, octets: 128 << 20, p: 16 };

const pattern = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** The parts of a digest. */
interface Parts {
  readonly options: ScryptOptions;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Digest of a password in the PHC string format: `$scrypt$ln=15,r=8,p=3$SALT$HASH`, with Base64 that is not padded. `ln` is the binary logarithm
 * of scrypt's N. `sluice consumer password` makes one; other programs write the same format, such as Python's passlib.
 */
export const passwordDigest = z
  .string()
  .refine(
    (text) => partsOf(text) !== undefined,
    'must be a scrypt digest such as $scrypt$ln=15,r=8,p=3$SALT$HASH, of at most 128 MiB: "sluice consumer password NAME" makes one',
  )
  .meta({ description: 'scrypt digest of a password, `$scrypt$ln=15,r=8,p=3$SALT$HASH`, as `sluice consumer password` makes it' });

/** Makes the digest of a password, with a new salt. */
export async function digestOf(password: string): Promise<string> {
  const salt = randomBytes(saltOctets);
  const hash = await derived(password, { options: optionsOf(cost), salt, hash: Buffer.alloc(hashOctets) });
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Resolves to true if a digest is that of the password; false also if the digest is not one of {@link passwordDigest}. Takes as long as the cost
 * in the digest says, in a thread of libuv's pool, and compares in constant time.
 */
export async function isPassword(password: string, digest: string): Promise<boolean> {
  const parts = partsOf(digest);
  return parts !== undefined && timingSafeEqual(await derived(password, parts), parts.hash);
}

function derived(password: string, { options, salt, hash }: Parts): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function partsOf(digest: string): Parts | undefined {
  const found = pattern.exec(digest);
  if (found === null) return undefined;
  const [ln = 0, r = 0, p = 0] = found.slice(1, 4).map(Number);
  if (ln < 1 || ln > most.ln || r < 1 || p < 1 || p > most.p || 128 * 2 ** ln * r > most.octets) return undefined;
  return { options: optionsOf({ ln, r, p }), salt: Buffer.from(found[4] ?? '', 'base64'), hash: Buffer.from(found[5] ?? '', 'base64') };
}

function optionsOf({ ln, r, p }: { readonly ln: number; readonly r: number; readonly p: number }): ScryptOptions {
  const N = 2 ** ln;
  // Node.js refuses more than 32 MiB unless it is told to allow it; the blocks of `p` and one more come on top.
  return { N, r, p, maxmem: 128 * r * (N + p + 2) };
}

function unpadded(octets: Buffer): string {
  return octets.toString('base64').replace(/=+$/, '');
}
