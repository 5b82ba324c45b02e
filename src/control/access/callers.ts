import type { IncomingMessage } from 'node:http';
import { unmapped } from '../../model/ip-address.ts';
import { isForwarded, isLocal } from '../../proxy/is-local.ts';
import { hopsIn } from '../../proxy/reported-hops.ts';
import { TrustedProxies } from '../../proxy/trusted-proxies.ts';

/** The sender of a request to the control address. */
export interface Caller {
  /** IP address of the client: the peer's or, behind a trusted proxy, the one that the proxy reported. */
  readonly address: string;
  /** The request comes from this machine, and is addressed to it by a loopback name. */
  readonly local: boolean;
  /** A proxy that is not trusted passed the request on: `address` is the proxy's, and stands for all of its clients. */
  readonly hidden: boolean;
}

/** Finds the senders of requests to the control address. */
export class Callers {
  readonly #proxies: TrustedProxies;

  /** @param trustedProxies IP addresses or CIDR ranges of proxies whose `X-Forwarded-For` or `Forwarded` is believed */
  constructor(trustedProxies: readonly string[]) {
    this.#proxies = new TrustedProxies(trustedProxies);
  }

  of({ socket: { remoteAddress = '' }, headers, httpVersion }: IncomingMessage): Caller {
    const peer = unmapped(remoteAddress);
    if (!isForwarded(Object.keys(headers))) {
      // A proxy that adds no field often speaks HTTP/1.0, as nginx does unless it is told otherwise.
      return { address: peer, local: httpVersion !== '1.0' && isLocal(peer, headers.host), hidden: false };
    }
    if (!this.#proxies.trusts(peer)) return { address: peer, local: false, hidden: true };
    const listed = headers['x-forwarded-for'];
    const reported = listed === undefined ? hopsIn(headers.forwarded ?? '', false) : hopsIn([listed].flat().join(', '), true);
    const client = this.#proxies.clientHop(reported)?.address;
    return { address: client ?? peer, local: client !== undefined && isLocal(client, headers.host), hidden: false };
  }
}
