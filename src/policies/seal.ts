import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const nonceOctets = 12;
const tagOctets = 16;

/** Encrypts small objects for clients to keep, so that clients can neither read nor change them (AES-256-GCM). All with the same secret can open them. */
export class Seal {
  readonly #key: Buffer;

  /** @param context differs for each use of the secret, so that no use opens what another one has sealed */
  constructor(secret: string, context: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', context, 32));
  }

  /** @param kind what is sealed; only {@link open} with the same kind opens it */
  seal(kind: string, content: object): string {
    const nonce = randomBytes(nonceOctets);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(kind));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** Returns the content; undefined: it was sealed otherwise, or changed. */
  open(kind: string, text: string): unknown {
    const octets = Buffer.from(text, 'base64url');
    if (octets.length <= nonceOctets + tagOctets) return undefined;
    const tag = octets.subarray(nonceOctets, nonceOctets + tagOctets);
    const cipher = createDecipheriv('aes-256-gcm', this.#key, octets.subarray(0, nonceOctets), { authTagLength: tagOctets });
    cipher.setAAD(Buffer.from(kind)).setAuthTag(tag);
    try {
      return JSON.parse(Buffer.concat([cipher.update(octets.subarray(nonceOctets + tagOctets)), cipher.final()]).toString());
    } catch {
      return undefined;
    }
  }
}
