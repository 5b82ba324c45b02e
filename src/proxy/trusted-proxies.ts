import { BlockList, isIP } from 'node:net';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import type { RequestHead } from '../http1/message/request-head.ts';
import { inRanges } from '../model/ip-address.ts';

/** Proxies in front whose `X-Forwarded-*` is trusted. Determines the client's address, and the fields about the client that upstreams get. */
export class TrustedProxies {
  readonly #trusted: BlockList | undefined;

  /** @param ranges IP addresses or CIDR ranges, validated before */
  constructor(ranges: readonly string[]) {
    if (ranges.length === 0) return;
    this.#trusted = new BlockList();
    for (const range of ranges) {
      const [address = '', prefix] = range.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /** Address of the client: the peer's or, behind trusted proxies, the last one of `X-Forwarded-For` that is not a trusted proxy's. */
  clientOf(peer: string, fields: FieldLines): string {
    if (!this.#trusts(peer)) return peer;
    const chain = (joined(fields, fieldIds['x-forwarded-for']) ?? '').split(',');
    let client = peer;
    for (let hop = chain.pop()?.trim(); hop !== undefined && isIP(hop) !== 0; hop = chain.pop()?.trim()) {
      client = hop;
      if (!this.#trusts(hop)) break;
    }
    return client;
  }

  /**
   * `X-Forwarded-*` as complete lines, for the upstream. What a trusted proxy sent is extended, its `Forwarded` (RFC 7239) too; what
   * other peers sent is replaced.
   */
  forwardedLines(peer: string, head: RequestHead): string {
    const host = head.authority();
    if (!this.#trusts(peer)) return `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${host}\r\n`;
    const { fields } = head;
    const before = joined(fields, fieldIds['x-forwarded-for']);
    const proto = joined(fields, fieldIds['x-forwarded-proto']) ?? 'http';
    const firstHost = joined(fields, fieldIds['x-forwarded-host']) ?? host;
    const chain = before === undefined ? peer : `${before}, ${peer}`;
    const forwarded = joined(fields, fieldIds.forwarded);
    const node = peer.includes(':') ? `"[${peer}]"` : peer;
    const extended = forwarded === undefined ? '' : `Forwarded: ${forwarded}, for=${node};host="${host}";proto=http\r\n`;
    return `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${firstHost}\r\n${extended}`;
  }

  #trusts(address: string): boolean {
    return this.#trusted !== undefined && inRanges(address, this.#trusted);
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
