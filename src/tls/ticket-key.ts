import { createHash, hkdfSync } from 'node:crypto';

/** Octets that Node takes as a key of session tickets. */
const length = 48;

/**
 * Makes the key of a listener's session tickets. All processes that serve the listener have the same one, so that a client resumes at any of
 * them; no other listener has it, so that a session never passes from one to another, with other client authorities.
 * @param secret of this balancer
 * @param scope what the sessions are good for, such as the listener's address
 */
export function ticketKey(secret: Buffer, scope: string): string {
  return Buffer.from(
    hkdfSync('sha256', secret, Buffer.alloc(0), createHash('sha256').update(`sluice session tickets ${scope}`).digest(), length),
  ).toString('base64');
}
