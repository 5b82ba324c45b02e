import { BlockList, isIP } from 'node:net';
import type { FieldLines } from '../http1/message/field-lines.ts';
import { fieldIds } from '../http1/message/field-names.ts';
import type { RequestHead } from '../http1/message/request-head.ts';

/** What is believed, and said, about who a request came from. */
export class Peers {
  readonly #trusted: BlockList | undefined;

  /** @param trusted addresses or CIDR ranges of proxies whose word on the client is believed; checked before */
  constructor(trusted: readonly string[]) {
    if (trusted.length === 0) return;
    this.#trusted = new BlockList();
    for (const range of trusted) {
      const [address = '', prefix] = range.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /** The client: the peer, or behind trusted proxies the last address of the chain that is not trusted. */
  clientOf(peer: string, fields: FieldLines): string {
    if (!this.#trusts(peer)) return peer;
    const chain = (given(fields, fieldIds['x-forwarded-for']) ?? '').split(',');
    let client = peer;
    for (let hop = chain.pop()?.trim(); hop !== undefined && isIP(hop) !== 0; hop = chain.pop()?.trim()) {
      client = hop;
      if (!this.#trusts(hop)) break;
    }
    return client;
  }

  /**
   * `X-Forwarded-*` as complete lines, for the upstream; from a trusted peer its own are extended, `Forwarded`
   * (RFC 7239) too. What anybody else claimed is left out.
   */
  forwardedLines(peer: string, head: RequestHead): string {
    const host = head.authority();
    if (!this.#trusts(peer)) return `X-Forwarded-For: ${peer}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${host}\r\n`;
    const { fields } = head;
    const before = given(fields, fieldIds['x-forwarded-for']);
    const proto = given(fields, fieldIds['x-forwarded-proto']) ?? 'http';
    const firstHost = given(fields, fieldIds['x-forwarded-host']) ?? host;
    const chain = before === undefined ? peer : `${before}, ${peer}`;
    const forwarded = given(fields, fieldIds.forwarded);
    const node = peer.includes(':') ? `"[${peer}]"` : peer;
    const extended = forwarded === undefined ? '' : `Forwarded: ${forwarded}, for=${node};host="${host}";proto=http\r\n`;
    return `X-Forwarded-For: ${chain}\r\nX-Forwarded-Proto: ${proto}\r\nX-Forwarded-Host: ${firstHost}\r\n${extended}`;
  }

  #trusts(address: string): boolean {
    if (this.#trusted === undefined) return false;
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    const version = isIP(plain);
    return version !== 0 && this.#trusted.check(plain, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** All values of a field joined, or undefined. */
function given(fields: FieldLines, id: number): string | undefined {
  let joined: string | undefined;
  for (let line = fields.indexOf(id); line >= 0; line = fields.indexOf(id, line + 1)) {
    joined = joined === undefined ? fields.value(line) : `${joined}, ${fields.value(line)}`;
  }
  return joined;
}
