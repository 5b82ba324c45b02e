import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../model/fault.ts';

/** Throws `malformed` for a request with more than one Host line (RFC 9112 section 3.2): proxies in front may have gone by the other one. */
export function refuseTwoHosts({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): void {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'host') hosts++;
  if (hosts > 1) throw new SluiceError('malformed', 'the request has more than one Host: send one');
}
