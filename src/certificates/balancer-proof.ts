import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import type { ServerIdentity } from '../model/server-identity.ts';

/** Most characters of a proof that is read. */
const mostCharacters = 4096;

/**
 * Proves to one server that the sender of a connection without TLS is a balancer: its certificate, and a signature with its key over the server's id
 * and environment, so that the proof is worth nothing to other servers.
 *
 * @param credentials certificate and private key in PEM
 */
export function proveBalancer(credentials: { readonly certificate: string; readonly key: string }, server: ServerIdentity): string {
  const certificate = new X509Certificate(credentials.certificate).raw.toString('base64');
  return `${certificate} ${sign('sha256', statementTo(server), createPrivateKey(credentials.key)).toString('base64')}`;
}

/** Reads the certificate of a proof; undefined: it is no proof, or one for another server. The authority of the certificate is still to be checked. */
export function readProof(proof: string, server: ServerIdentity): X509Certificate | undefined {
  if (proof.length > mostCharacters) return undefined;
  const [certificate = '', signature = ''] = proof.split(' ');
  try {
    const peer = new X509Certificate(Buffer.from(certificate, 'base64'));
    return verify('sha256', statementTo(server), peer.publicKey, Buffer.from(signature, 'base64')) ? peer : undefined;
  } catch {
    return undefined;
  }
}

function statementTo({ id, environment = '' }: ServerIdentity): Buffer {
  return Buffer.from(`sluice: a balancer's connection to server ${environment}/${id}`);
}
