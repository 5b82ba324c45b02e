import { fieldIds } from '../http1/message/field-ids.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

/** Balancers and gateway servers that one request may pass. A request that passes more runs in a circle. */
export const maxHops = 8;

/** Least octets that one of Sluice's elements of Via takes, its separator excluded. */
const leastOctets = '1.1 sluice'.length;
const ownHop = /(?:^|,)[ \t]*(?:[A-Za-z]+\/)?\d(?:\.\d)?[ \t]+sluice(?=[ \t]*(?:,|\(|$))/g;

/**
 * True if a request has passed Sluice so often that it must be running in a circle: a project whose target leads back to it. RFC 9110
 * section 7.6.3 gives Via for this. A few passes are no circle, because a project may call another one through their balancer.
 */
export function loops(head: RequestHead): boolean {
  if (head.viaOctets < maxHops * leastOctets) return false;
  let hops = 0;
  for (let line = head.fields.indexOf(fieldIds.via); line >= 0; line = head.fields.indexOf(fieldIds.via, line + 1))
    hops += head.fields.value(line).match(ownHop)?.length ?? 0;
  return hops >= maxHops;
}
