import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SluiceError } from '../../model/fault.ts';

/** A sealed text: version, id of the key, initialization vector, encrypted octets with their authentication tag. */
const sealedForm = /^v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;
/** Begin of a form that a later version may have. */
const laterForm = /^v([2-9]|[1-9][0-9]+)\./;
const tagLength = 16;

interface SecretKey {
  /** Names the key in sealed texts without telling anything about it. */
  readonly id: string;
  readonly octets: Buffer;
}

/**
 * Seals secrets that the registry keeps, so that neither its files nor Redis hold them in clear (AES-256-GCM). The first key seals; the others
 * open what was sealed before a rotation.
 */
export class SecretKeys {
  readonly #keys: readonly [SecretKey, ...SecretKey[]];
  /** Place of the keys, for messages. */
  readonly origin: string;

  /** @param origin place of the keys, for messages */
  constructor([first, ...others]: readonly [string, ...string[]], origin: string) {
    this.#keys = [keyOf(first), ...others.map(keyOf)];
    this.origin = origin;
  }

  /** Names the key that seals. */
  get id(): string {
    return this.#keys[0].id;
  }

  /** Names all keys, the one that seals first. */
  get ids(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** Names the key that sealed a text; undefined: it is damaged, or a newer Sluice sealed it. */
  static idIn(sealed: string): string | undefined {
    return sealedForm.exec(sealed)?.[1];
  }

  /** Seals a text. It opens only with the same `context`, which says what the text is for, so that no sealed text passes for another. */
  seal(text: string, context: string): string {
    const { id, octets } = this.#keys[0];
    const vector = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', octets, vector).setAAD(associated(id, context));
    const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${id}.${vector.toString('base64url')}.${encrypted.toString('base64url')}`;
  }

  /** Opens a sealed text. Throws `invalid` if it was sealed with a key that is not here, or by a newer Sluice, `internal` if it is damaged. */
  open(sealed: string, context: string): string {
    const [, id, vector, encrypted] = sealedForm.exec(sealed) ?? [];
    if (id === undefined || vector === undefined || encrypted === undefined)
      throw laterForm.test(sealed) ? tooNew(context) : damaged(context);
    const key = this.#keys.find((one) => one.id === id);
    if (key === undefined) throw this.#otherKey(id, context);
    const octets = Buffer.from(encrypted, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key.octets, Buffer.from(vector, 'base64url'), { authTagLength: tagLength });
    decipher.setAAD(associated(id, context)).setAuthTag(octets.subarray(-tagLength));
    try {
      return decipher.update(octets.subarray(0, -tagLength), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw damaged(context, cause);
    }
  }

  /** True if a text that can be opened was sealed with an earlier key, so that it should be sealed again. */
  isOutdated(sealed: string): boolean {
    return !sealed.startsWith(`v1.${this.#keys[0].id}.`);
  }

  #otherKey(id: string, context: string): SluiceError {
    const own = this.ids.join(', ');
    return new SluiceError(
      'invalid',
      `the registry's ${context} is sealed with key ${id}, but ${this.origin} has ${own}: balancers on one registry need the same key. Copy secret.key from the data folder of the balancer that made it, or give all of them the same SLUICE_SECRET_KEY. Nothing was changed`,
    );
  }
}

/** Binds a sealed text to the name of its secret, so that one secret cannot be put in the place of another. */
export function contextOf(name: string): string {
  return `secret ${name}`;
}

function associated(id: string, context: string): Buffer {
  return Buffer.from(`sluice v1 ${id} ${context}`);
}

/** Derives key and id (HKDF, RFC 5869), so that the id tells nothing about the key. */
function keyOf(text: string): SecretKey {
  const derive = (purpose: string, length: number) => Buffer.from(hkdfSync('sha256', text, '', `sluice secrets ${purpose}`, length));
  return { id: derive('id', 4).toString('hex'), octets: derive('key', 32) };
}

function damaged(context: string, cause?: unknown): SluiceError {
  const message = `the registry's ${context} is damaged: it is made anew when it is needed next, unless you restore it from a backup before`;
  return new SluiceError('internal', message, { cause });
}

function tooNew(context: string): SluiceError {
  return new SluiceError('invalid', `the registry's ${context} was sealed by a newer Sluice: update this one. Nothing was changed`);
}
