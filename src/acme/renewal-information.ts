import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { authorityKeyOf } from '../certificates/authority-key.ts';
import { type AcmeConnection, json } from './acme-connection.ts';
import { AcmeFailure } from './acme-failure.ts';
import type { RenewalWindow } from './name-state.ts';

const information = z.looseObject({
  suggestedWindow: z.looseObject({ start: z.iso.datetime({ offset: true }), end: z.iso.datetime({ offset: true }) }),
});

/** Id by which an authority knows a certificate (RFC 9773 section 4.1); undefined: the certificate does not name its authority's key. */
export function certificateId(chain: string): string | undefined {
  const certificate = new X509Certificate(chain);
  const authority = authorityKeyOf(certificate.raw);
  if (authority === undefined) return undefined;
  const hex = certificate.serialNumber;
  const serial = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // The octets of the DER encoding: a number whose highest bit is set has a zero before it.
  const octets = (serial[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${authority.toString('base64url')}.${octets.toString('base64url')}`;
}

/** Asks when the authority wants a certificate to be renewed. An authority that does not answer such questions gives no window. */
export async function askForRenewal(
  connection: AcmeConnection,
  chain: string,
): Promise<{ window?: RenewalWindow; askAt?: number | undefined }> {
  const { renewalInfo } = await connection.directory();
  const id = certificateId(chain);
  if (renewalInfo === undefined || id === undefined) return {};
  try {
    const { body, retryAt } = await connection.get(`${renewalInfo.replace(/\/$/, '')}/${id}`);
    const { data } = information.safeParse(json(body));
    if (data === undefined) return { askAt: retryAt };
    const { start, end } = data.suggestedWindow;
    return { window: { start: Date.parse(start), end: Date.parse(end) }, askAt: retryAt };
  } catch (error) {
    if (error instanceof AcmeFailure) return { askAt: error.retryAt };
    throw error;
  }
}
