import { BlockList, isIP } from 'node:net';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { inRanges } from '../model/ip-address.ts';
import { remembered } from '../model/remembered.ts';
import { hopsIn, type ReportedHop, reportedHops } from './reported-hops.ts';

/** Text between peer and host in the lines that most requests get, as literals: pieces that are put together cost each request more. */
const afterPeer = {
  http: '\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ',
  https: '\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ',
} as const;

/** Longest value of X-Forwarded-For whose reading is remembered, in octets. */
const shortChain = 64;
/** Limit of the peers whose lines are kept, and of the addresses that have been looked up. */
const mostKnown = 1024;

/** Proxies in front whose `X-Forwarded-*` is trusted. Determines the client's address, and the fields about the client that upstreams get. */
export class TrustedProxies {
  readonly #trusted: BlockList | undefined;
  readonly #scheme: 'http' | 'https';
  /** The peers are balancers, which have written the fields about their clients: these go on as they came. */
  readonly passesOn: boolean;
  readonly #afterPeer: string;
  /** Addresses that have been looked up in the ranges, which takes as long as all else that is done for a short head. */
  readonly #verdicts = new Map<string, boolean>();
  /** Address of the client in the only line of X-Forwarded-For. */
  readonly #clientIn = remembered((chain) => this.clientHop(hopsIn(chain, true))?.address);
  /** Lines for requests that report no hop that is believed, by peer, each with the host that it named last. */
  readonly #linesOf = new Map<string, { readonly host: string; readonly octets: Buffer }>();

  /**
   * @param ranges IP addresses or CIDR ranges, validated before
   * @param scheme of the connections
   * @param isPeerKnown the peers of the connections have proved that they are balancers, whatever their addresses
   */
  constructor(ranges: readonly string[], scheme: 'http' | 'https' = 'http', isPeerKnown = false) {
    this.#scheme = scheme;
    this.passesOn = isPeerKnown;
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
    const line = fields.indexOf(fieldIds['x-forwarded-for']);
    if (line < 0 && fields.indexOf(fieldIds.forwarded) < 0) return peer;
    const isShort = line >= 0 && fields.valueEnd(line) - fields.valueStart(line) <= shortChain;
    if (isShort && fields.indexOf(fieldIds['x-forwarded-for'], line + 1) < 0) return this.#clientIn(fields.value(line)) ?? peer;
    return this.clientHop(reportedHops(fields))?.address ?? peer;
  }

  /** {@link forwardedLines} as octets. They are kept if they are the same for each of the peer's requests to one host. */
  forwardedOctets(peer: string, head: RequestHead): Buffer {
    if (head.reportsHops && this.believes(peer)) return Buffer.from(this.forwardedLines(peer, head), 'latin1');
    const host = head.authority();
    const known = this.#linesOf.get(peer);
    if (known !== undefined && known.host === host) return known.octets;
    const octets = Buffer.from(this.forwardedLines(peer, head), 'latin1');
    if (this.#linesOf.size === mostKnown) this.#linesOf.clear();
    this.#linesOf.set(peer, { host, octets });
    return octets;
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
    return this.passesOn || (this.#trusted !== undefined && this.trusts(peer));
  }

  /** True for the address of a trusted proxy. */
  trusts(address: string): boolean {
    if (this.#trusted === undefined) return false;
    const known = this.#verdicts.get(address);
    if (known !== undefined) return known;
    const verdict = inRanges(address, this.#trusted);
    if (this.#verdicts.size === mostKnown) this.#verdicts.clear();
    this.#verdicts.set(address, verdict);
    return verdict;
  }
}

/** Trusted proxies of a listener, by the kind of connection on which a request comes. */
export class ListenerProxies {
  readonly #plain: TrustedProxies;
  readonly #secured: TrustedProxies;
  readonly #ofBalancers: TrustedProxies;
  readonly #knows: (proof: string) => boolean;

  /** @param knows true for the proof of a balancer; default: none is known by a proof */
  constructor(ranges: readonly string[], knows: (proof: string) => boolean = () => false) {
    this.#plain = new TrustedProxies(ranges);
    this.#secured = new TrustedProxies(ranges, 'https');
    this.#ofBalancers = new TrustedProxies(ranges, 'https', true);
    this.#knows = knows;
  }

  /** Proxies that are believed on a connection. @param client its TLS side and its proof; undefined: it has none */
  of({
    secured,
    proof,
  }: {
    readonly secured: { readonly ofBalancer: boolean } | undefined;
    readonly proof: string | undefined;
  }): TrustedProxies {
    if (secured?.ofBalancer === true || (proof !== undefined && this.#knows(proof))) return this.#ofBalancers;
    return secured === undefined ? this.#plain : this.#secured;
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
