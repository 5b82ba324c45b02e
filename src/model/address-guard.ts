import { BlockList, isIP } from 'node:net';

/** Groups of addresses that have a name. NAT64 (RFC 6052) reaches IPv4 addresses too, so their embedded forms belong to the group. */
const groups: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128', '64:ff9b::7f00:0/104'],
  // The metadata services of clouds, which hand out credentials, are at 169.254.169.254 and, at AWS, at fd00:ec2::254.
  'link-local': ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254/128', '64:ff9b::a9fe:0/112'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
};

/** Addresses that no target of a project may have. They are compared when a connection is opened, so that no name can lead there. */
export class AddressGuard {
  readonly #denied = new BlockList();

  /** @param denied names of groups, IP addresses and CIDR ranges. Throws a `TypeError` that names the one that is none of these */
  constructor(denied: readonly string[]) {
    for (const entry of denied) for (const range of groups[entry] ?? [entry]) this.#deny(range);
  }

  /** The reason why a connection to this IP address is refused; undefined: it is not. */
  refusal(address: string): string | undefined {
    const version = isIP(address);
    // A BlockList recognises IPv4 addresses that are mapped into IPv6, in any spelling.
    if (version === 0 || !this.#denied.check(address, version === 4 ? 'ipv4' : 'ipv6')) return undefined;
    return `targets at ${address} are denied on this gateway server (--deny-targets)`;
  }

  #deny(range: string): void {
    const [address = '', prefix, ...more] = range.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (version === 0 || more.length > 0 || bits < 0 || bits > (version === 4 ? 32 : 128))
      throw new TypeError(`"${range}" is not ${Object.keys(groups).join(', ')}, an IP address or a CIDR range`);
    this.#denied.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
}
