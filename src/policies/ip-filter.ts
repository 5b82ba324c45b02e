import { BlockList, isIP } from 'node:net';
import * as z from 'zod';
import { cidr } from '../model/environment.ts';
import type { Pieces } from '../model/pieces.ts';
import { remembered } from '../model/remembered.ts';
import type { PolicyType } from './contract.ts';
import { type Refusal, refuse } from './refusal.ts';

const settings = z
  .strictObject({
    allow: z.array(cidr).default([]).meta({
      description:
        'IP addresses and CIDR ranges that may make requests, for example `10.0.0.0/8` or `2001:db8::/32`. None: all but those of `deny`',
    }),
    deny: z.array(cidr).default([]).meta({ description: 'IP addresses and CIDR ranges that may not, also if `allow` has them' }),
  })
  .refine((given) => given.allow.length + given.deny.length > 0, 'needs at least one of allow, deny');

/**
 * Lets a request pass only if its client's IP address is in `allow`, if that is given, and not in `deny`; else answers 403. IPv4 addresses that are
 * mapped into IPv6 count as IPv4.
 */
export const ipFilter: PolicyType<typeof settings> = {
  settings,
  dry: true,
  points: ['proxyRequest'],
  *create({ allow, deny }) {
    const [allowed, denied] = [yield* rangesOf(allow), yield* rangesOf(deny)];
    // A `BlockList` takes microseconds, mostly to read the address.
    const passes = remembered((address) => denied?.has(address) !== true && (allowed === undefined || allowed.has(address)));
    return {
      run(context) {
        return passes(context.clientAddress) ? undefined : refuse(context, refused);
      },
    };
  },
};

/** @returns undefined for no ranges */
function* rangesOf(written: readonly string[]): Pieces<Ranges | undefined> {
  if (written.length === 0) return undefined;
  const ranges = new Ranges();
  for (const range of written) {
    ranges.add(range);
    yield;
  }
  return ranges;
}

/** IPv4 and IPv6 apart: a `BlockList` takes every IPv4 address for one in `::/0`, because that range has the mapped addresses. */
class Ranges {
  readonly #v4 = new BlockList();
  readonly #v6 = new BlockList();

  add(range: string): void {
    const [address = '', prefix] = range.split('/');
    const version = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    const bits = prefix === undefined ? (version === 'ipv4' ? 32 : 128) : Number(prefix);
    const list = version === 'ipv4' || (bits >= mappedBits && isMapped(address)) ? this.#v4 : this.#v6;
    list.addSubnet(address, bits, version);
  }

  has(address: string): boolean {
    const version = isIP(address);
    if (version === 4) return this.#v4.check(address, 'ipv4');
    return version === 6 && (isMapped(address) ? this.#v4 : this.#v6).check(address, 'ipv6');
  }
}

/** Length of the prefix that IPv4 addresses have when they are mapped into IPv6 (RFC 4291 section 2.5.5.2). */
const mappedBits = 96;
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', mappedBits, 'ipv6');

function isMapped(address: string): boolean {
  return mapped.check(address, 'ipv6');
}

const refused: Refusal = { status: 403, code: 'address-refused', title: 'Requests from this IP address are not allowed' };
