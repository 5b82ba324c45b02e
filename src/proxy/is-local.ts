import { BlockList } from 'node:net';
import { inRanges } from '../model/ip-address.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Fields with which proxies say that they pass a request on for another. */
const forwardingField =
  /^(?:via|forwarded|x-forwarded(?:-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip)$/i;

/** True if a request with fields of these names came through a proxy. */
export function isForwarded(names: readonly string[]): boolean {
  return names.some((name) => forwardingField.test(name));
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
