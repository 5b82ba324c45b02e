import type { Introduction } from '../http1/connection/introduction.ts';
import { readyPath } from '../model/reserved-path.ts';
import { balancerField, identityField, identityMismatch, parseIdentity } from '../model/server-identity.ts';
import { introductionFields } from './introduced-balancers.ts';

/**
 * Introduction to a gateway server: it must say that it is the expected one.
 *
 * @param identity the expected identity, as {@link parseIdentity} reads it
 * @param address `HOST:PORT` of the server
 * @param prove makes the proof that the sender is a balancer, at the first connection; undefined: the connection itself proves it, or nothing does
 */
export function introductionTo(identity: string, address: string, prove?: () => string | undefined): Introduction {
  const expected = parseIdentity(identity);
  if (expected === undefined) throw new TypeError(`"${identity}" is not the identity of a server`);
  let request: Buffer | undefined;
  return {
    get request() {
      request ??= requestTo(address, prove?.());
      return request;
    },
    refuse: ({ fields }) => identityMismatch(expected, parseIdentity(fields.get(identityField) ?? '')),
  };
}

function requestTo(address: string, proof: string | undefined): Buffer {
  const proved = proof === undefined ? '' : `${balancerField}: ${proof}\r\n`;
  return Buffer.from(`HEAD ${readyPath} HTTP/1.1\r\nHost: ${address}\r\n${introductionFields}${proved}\r\n`, 'latin1');
}
