import { BlockList, isIP } from 'node:net';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { inRanges } from '../model/ip-address.ts';
import { type ReportedHop, reportedHops } from './reported-hops.ts';

/** Text between peer and host in the lines that most requests get, as literals: pieces that are put together cost each request more. */
const afterPeer = {
  http: '\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ',
  https: '\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ',
} as const;

/** Proxies in front whose `X-Forwarded-*` is trusted. Determines the client's address, and the fields about the client that upstreams get. */
export class TrustedProxies {
  readonly #trusted: BlockList | undefined;
  readonly #scheme: 'http' | 'https';
  readonly #isPeerKnown: boolean;
  readonly #afterPeer: string;

  /**
   * @param ranges IP addresses or CIDR ranges, validated before
   * @param scheme of the connections
   * @param isPeerKnown the peers of the connections have proved that they are trusted proxies, whatever their addresses
   */
  constructor(ranges: readonly string[], scheme: 'http' | 'https' = 'http', isPeerKnown = false) {
    this.#scheme = scheme;
    this.#isPeerKnown = isPeerKnown;
    this.#afterPeer = afterPeer[scheme];
    if (ranges.length === 0) return;
    this.#trusted = new BlockList();
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /**
   * Address of the client: the peer's or, behind trusted proxies, the nearest reported address that is not a trusted proxy's. A hop without
   * an address ends the search, because what lies beyond it is only the claim of a stranger: the client is the hop before.
   */
  clientOf(peer: string, fields: FieldLines): string {
    if (!this.believes(peer)) return peer;
    return this.clientHop(reportedHops(fields))?.address ?? peer;
  }

  /**
   * `X-Forwarded-*` as complete lines, for the upstream. What a trusted proxy sent is extended, its `Forwarded` (RFC 7239) too; what
   * other peers sent is replaced. If there is only `Forwarded`, `X-Forwarded-*` say the same.
   */
  forwardedLines(peer: string, head: RequestHead): string {
    const host = head.authority();
    if (!this.believes(peer)) return `X-Forwarded-For: ${peer}${this.#afterPeer}${host}\r\n`;
    const { fields } = head;
    const forwarded = joined(fields, fieldIds.forwarded);
    let before = joined(fields, fieldIds['x-forwarded-for']);
    let client: ReportedHop | undefined;
    if (before === undefined && forwarded !== undefined) {
      const hops = [...reportedHops(fields)];
      before = chainOf(hops);
      client = this.clientHop(hops);
    }
    const proto = joined(fields, fieldIds['x-forwarded-proto']) ?? valid(client?.proto, /^https?$/i)?.toLowerCase() ?? this.#scheme;
    const firstHost = joined(fields, fieldIds['x-forwarded-host']) ?? valid(client?.host, /^[\w.:[\]-]+$/) ?? host;
    const chain = before === undefined ? peer : `${before}, ${peer}`;
    const node = peer.includes(':') ? `"[${peer}]"` : peer;
    const extended = forwarded === undefined ? '' : `Forwarded: ${forwarded}, for=${node};host="${host}";proto=${this.#scheme}\r\n`;
    return `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${firstHost}\r\n${extended}`;
  }

  /** The hop of the client among the hops that a trusted proxy reported, the nearest first; undefined: the proxy itself is the client. */
  clientHop(hops: Iterable<ReportedHop>): ReportedHop | undefined {
    let client: ReportedHop | undefined;
    for (const hop of hops) {
      if (hop.address === undefined) break;
      client = hop;
      if (!this.trusts(hop.address)) break;
    }
    return client;
  }

  /** True if what a peer at this address says of others is believed. */
  believes(peer: string): boolean {
    return this.#isPeerKnown || this.trusts(peer);
  }

  /** True for the address of a trusted proxy. */
  trusts(address: string): boolean {
    return this.#trusted !== undefined && inRanges(address, this.#trusted);
  }
}

/** Trusted proxies of a listener, by the kind of connection on which a request comes. */
export class ListenerProxies {
  readonly #plain: TrustedProxies;
  readonly #secured: TrustedProxies;
  readonly #ofBalancers: TrustedProxies;

  constructor(ranges: readonly string[]) {
    this.#plain = new TrustedProxies(ranges);
    this.#secured = new TrustedProxies(ranges, 'https');
    this.#ofBalancers = new TrustedProxies(ranges, 'https', true);
  }

  /** Proxies that are believed on a connection. @param secured its TLS side; undefined: it is plain */
  of(secured: { readonly ofBalancer: boolean } | undefined): TrustedProxies {
    if (secured === undefined) return this.#plain;
    return secured.ofBalancer ? this.#ofBalancers : this.#secured;
  }
}

/** All values of a field joined by `, `; undefined if there is no such field. */
function joined(fields: FieldLines, id: number): string | undefined {
  let values: string | undefined;
  for (let line = fields.indexOf(id); line >= 0; line = fields.indexOf(id, line + 1)) {
    values = values === undefined ? fields.value(line) : `${values}, ${fields.value(line)}`;
  }
  return values;
}

/** Hops, the nearest first, as the value of `X-Forwarded-For`. It begins at the last hop without an address, as `unknown`. */
function chainOf(hops: readonly ReportedHop[]): string {
  const end = hops.findIndex(({ address }) => address === undefined);
  const known = end < 0 ? hops : hops.slice(0, end + 1);
  return known
    .map(({ address }) => address ?? 'unknown')
    .reverse()
    .join(', ');
}

function valid(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
