import { BlockList } from 'node:net';
import { foldName } from '../http1/message/field-name.ts';
import { inRanges } from '../model/ip-address.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Fields with which proxies say that they pass a request on for another, or for whom. */
const forwardingField = new RegExp(
  `^(?:${[
    ...['via', 'forwarded(?:-.*)?', 'x-forwarded(?:-.*)?', 'x-original-.*', 'x-proxy-.*', 'x-envoy-.*', 'x-azure-.*', 'x-arr-.*'],
    ...['x-amzn-trace-id', 'x-appengine-.*', 'x-real-(?:ip|port)', 'x-client-(?:ip|port)', 'x-cluster-client-ip', 'x-originating-ip'],
    ...['x-remote-(?:ip|addr)', 'true-client-ip', 'client-ip', 'fastly-client-ip', 'cf-.*', 'cdn-loop', 'x-scheme', 'front-end-https'],
  ].join('|')})$`,
);

/** True if a request with fields of these names came through a proxy. */
export function isForwarded(names: readonly string[]): boolean {
  return names.some((name) => forwardingField.test(foldName(name)));
}

/** True if a balancer or gateway server passed a request on, as its Via says. */
export function isFromSluice(via: string | undefined): boolean {
  return via !== undefined && /(?:^|[\s,])sluice(?:$|[\s,(])/i.test(via);
}

/**
 * True for a request that comes from this machine and is addressed to it by a loopback name. The peer's address alone does not suffice: a
 * web page (DNS rebinding) or a proxy on this machine can send requests from here for others.
 */
export function isLocal(peer: string | undefined, host: string | undefined): boolean {
  const name = host
    ?.replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (peer === undefined || name === undefined) return false;
  return inRanges(peer, loopback) && (name === 'localhost' || inRanges(name, loopback));
}
