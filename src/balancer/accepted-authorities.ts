import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { Authority, identify } from '../certificates/authority.ts';
import type { PartlyOpened } from '../registry/secrets/secrets.ts';

/** Start of the names of the secrets that have authorities. */
export const authorityPrefix = 'hop:';
/** Most authorities. There is one for each key of secrets that balancers on the registry have, so usually one. */
const most = 8;

const clearPart = z.object({ certificate: z.string(), at: z.number() });
const secretPart = z.object({ certificate: z.string(), privateKey: z.string() });

/** An authority as it is stored. */
export interface StoredAuthority {
  readonly name: string;
  readonly revision: number;
  /** When a balancer that has its key last said so, in milliseconds since 1970. */
  readonly at: number;
  /** Names it by its public key. */
  readonly id: string;
  readonly x509: X509Certificate;
  readonly certificate: string;
  /** With the private key; undefined: only balancers that have the right secret key can issue certificates with it. */
  readonly own?: Authority;
}

/** Writes an authority as a secret and what may be known of it. */
export function storedTexts({ certificate, privateKey }: Authority, at: number): { readonly text: string; readonly clear: string } {
  return { text: JSON.stringify({ certificate, privateKey }), clear: JSON.stringify({ certificate, at }) };
}

/** Reads the stored authorities: those used last if there are too many, sorted by their ids. Every balancer reads the same ones. Damaged ones are left out. */
export function readAuthorities(stored: readonly PartlyOpened[]): StoredAuthority[] {
  const all = stored.flatMap((one) => read(one) ?? []).sort((one, other) => other.at - one.at);
  return all.slice(0, most).sort((one, other) => (one.id < other.id ? -1 : 1));
}

function read({ name, revision, text, clear }: PartlyOpened): StoredAuthority | undefined {
  try {
    const { certificate, at } = clearPart.parse(JSON.parse(clear ?? ''));
    const own = text === undefined ? undefined : Authority.read(secretPart.parse(JSON.parse(text)));
    if (own !== undefined && own.certificate !== certificate) return undefined;
    const x509 = new X509Certificate(certificate);
    return { name, revision, at, certificate, x509, id: identify(x509.publicKey), ...(own && { own }) };
  } catch {
    return undefined;
  }
}
