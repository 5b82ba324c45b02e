import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { Authority, identify } from '../certificates/authority.ts';
import type { PartlyOpened } from '../registry/secrets/secrets.ts';

/** Start of the names of the secrets that have authorities. */
export const authorityPrefix = 'hop:';
/** Most authorities. There is one for each key of secrets that balancers on the registry have, so usually one. */
const most = 8;

/**
 * Part of an authority in its replacement. `next`: servers learn of it, and nothing is certified with it yet; `past`: what it certified is believed, and
 * certified again with the present one.
 */
const stages = ['present', 'next', 'past'] as const;
export type AuthorityStage = (typeof stages)[number];

const clearPart = z.object({
  certificate: z.string(),
  at: z.number(),
  stage: z.enum(stages).default('present'),
  since: z.number().exactOptional(),
});
const secretPart = z.object({ certificate: z.string(), privateKey: z.string() });

/** An authority as it is stored. */
export interface StoredAuthority {
  readonly name: string;
  readonly revision: number;
  /** When a balancer that has its key last said so, in milliseconds since 1970. */
  readonly at: number;
  readonly stage: AuthorityStage;
  /** Date from which it is in its stage; absent: it has had no other. */
  readonly since?: number;
  /** Names it by its public key. */
  readonly id: string;
  readonly x509: X509Certificate;
  readonly certificate: string;
  /** With the private key; undefined: only balancers that have the right secret key can issue certificates with it. */
  readonly own?: Authority;
}

/** The authorities that are accepted, with what is asked of them for each of thousands of servers: found out once for all of these. */
export class AcceptedAuthorities {
  readonly x509: readonly X509Certificate[];
  readonly certificates: readonly string[];
  /** Names all of them. */
  readonly name: string;
  /** True while one of them is being replaced. */
  readonly rotating: boolean;
  /** Ids of those that are being replaced. */
  readonly #past: ReadonlySet<string>;

  constructor(accepted: readonly StoredAuthority[]) {
    this.x509 = accepted.map(({ x509 }) => x509);
    this.certificates = accepted.map(({ certificate }) => certificate);
    this.name = accepted.map(({ id }) => id).join('.');
    this.rotating = accepted.some(({ stage }) => stage !== 'present');
    this.#past = new Set(accepted.filter(({ stage }) => stage === 'past').map(({ id }) => id));
  }

  /** True if the issuer of a certificate is being replaced; of one that names no issuer, if any is. */
  mayBePast(issuer: string | undefined): boolean {
    return this.#past.size > 0 && (issuer === undefined || this.#past.has(issuer));
  }
}

/** Writes an authority as a secret and what may be known of it. */
export function storedTexts(
  { certificate, privateKey }: Authority,
  about: Pick<StoredAuthority, 'at' | 'since'> & { readonly stage?: AuthorityStage },
): { readonly text: string; readonly clear: string } {
  const { at, stage = 'present', since } = about;
  const staged = since === undefined ? undefined : { stage, since };
  return { text: JSON.stringify({ certificate, privateKey }), clear: JSON.stringify({ certificate, at, ...staged }) };
}

/** The authority that a balancer certifies with: the one that it has used so far, unless that is past; else one that is present, or is next. */
export function authorityInUse(stored: readonly StoredAuthority[], before: string | undefined): StoredAuthority | undefined {
  const usable = stages.map((stage) => stored.filter((one) => one.own !== undefined && one.stage === stage));
  for (const of of usable) if (of.length > 0) return of.find(({ id }) => id === before) ?? of[0];
  return undefined;
}

/** Reads the stored authorities: those used last if there are too many, sorted by their ids. Every balancer reads the same ones. Damaged ones are left out. */
export function readAuthorities(stored: readonly PartlyOpened[]): StoredAuthority[] {
  const all = stored.flatMap((one) => read(one) ?? []).sort((one, other) => other.at - one.at);
  return all.slice(0, most).sort((one, other) => (one.id < other.id ? -1 : 1));
}

function read({ name, revision, text, clear }: PartlyOpened): StoredAuthority | undefined {
  try {
    const { certificate, ...about } = clearPart.parse(JSON.parse(clear ?? ''));
    const own = text === undefined ? undefined : Authority.read(secretPart.parse(JSON.parse(text)));
    if (own !== undefined && own.certificate !== certificate) return undefined;
    const x509 = new X509Certificate(certificate);
    return { name, revision, ...about, certificate, x509, id: identify(x509.publicKey), ...(own && { own }) };
  } catch {
    return undefined;
  }
}
