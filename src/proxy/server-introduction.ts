import type { Introduction } from '../http1/connection/introduction.ts';
import { readyPath } from '../model/reserved-path.ts';
import { identityField, identityMismatch, parseIdentity } from '../model/server-identity.ts';

/**
 * Introduction to a gateway server: it must say that it is the expected one.
 *
 * @param identity the expected identity, as {@link parseIdentity} reads it
 * @param address `HOST:PORT` of the server
 */
export function introductionTo(identity: string, address: string): Introduction {
  const expected = parseIdentity(identity);
  if (expected === undefined) throw new TypeError(`"${identity}" is not the identity of a server`);
  return {
    request: Buffer.from(`HEAD ${readyPath} HTTP/1.1\r\nHost: ${address}\r\nUser-Agent: sluice-balancer\r\n\r\n`, 'latin1'),
    refuse: ({ fields }) => identityMismatch(expected, parseIdentity(fields.get(identityField) ?? '')),
  };
}
