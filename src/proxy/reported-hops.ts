import { isIP, SocketAddress } from 'node:net';
import { fieldIds } from '../http1/message/field-ids.ts';
import type { FieldLines } from '../http1/message/field-lines.ts';
import { unmapped } from '../model/ip-address.ts';

/** One hop of a request's way, as the proxy behind it reported it. */
export interface ReportedHop {
  /** IP address in its shortest spelling; undefined if the proxy did not tell it, or if the element is malformed. */
  readonly address: string | undefined;
  /** Protocol and host of the request that the proxy received. */
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
}

const unknown: ReportedHop = { address: undefined };

/** An address with an optional port, as both fields write it: IPv6 in brackets if there is a port (RFC 7239 section 6). */
const node = /^(?:\[(?<bracketed>[^\]]*)\]|(?<bare>[^:]*))(?::(?:\d{1,5}|_[\w.-]+))?$/;
/** One parameter of an element of `Forwarded`, and what ends it (RFC 7239 section 4). Lenient: the value may be any text without `,;"`. */
const parameter = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^\s",;]+)[ \t]*)?(?:;|$)/y;

/**
 * The hops that proxies reported, the nearest first: those of `X-Forwarded-For` or, if there is no such field, of `Forwarded` (RFC 7239).
 * Each list is read from its end, where trusted proxies append, and only as far as the caller asks: nothing in front of an element, an open
 * quote for example, changes how the element is read.
 */
export function* reportedHops(fields: FieldLines): Generator<ReportedHop, void> {
  const listed = fields.indexOf(fieldIds['x-forwarded-for']) >= 0;
  const id = listed ? fieldIds['x-forwarded-for'] : fieldIds.forwarded;
  for (let line = fields.count - 1; line >= 0; line--) {
    if (fields.id(line) === id) yield* hopsIn(fields.value(line), listed);
  }
}

/** The hops in one value of `X-Forwarded-For` if `listed`, else of `Forwarded`, the nearest first. */
export function* hopsIn(value: string, listed: boolean): Generator<ReportedHop, void> {
  for (const element of elementsOf(value)) yield listed ? { address: addressOf(element.trim()) } : hopOf(element);
}

/** The elements of a list, the last one first. A comma within a quoted string separates nothing; each string is found from its end. */
function* elementsOf(value: string): Generator<string, void> {
  let end = value.length;
  let quoted = false;
  for (let at = value.length - 1; at >= 0; at--) {
    const character = value[at];
    if (character === '"') quoted = !quoted || isEscaped(value, at);
    else if (character === ',' && !quoted) {
      yield value.slice(at + 1, end);
      end = at;
    }
  }
  yield value.slice(0, end);
}

/** True if an odd number of backslashes precedes `at`. */
function isEscaped(value: string, at: number): boolean {
  let first = at;
  while (value[first - 1] === '\\') first--;
  return (at - first) % 2 === 1;
}

/** Reads one element of `Forwarded`. If a parameter is malformed or repeated, nothing of the element is believed. */
function hopOf(element: string): ReportedHop {
  const values = new Map<string, string>();
  parameter.lastIndex = 0;
  while (parameter.lastIndex < element.length) {
    const match = parameter.exec(element);
    if (match === null) return unknown;
    const [, name, value = ''] = match;
    if (name === undefined) continue;
    if (values.has(name.toLowerCase())) return unknown;
    values.set(name.toLowerCase(), value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value);
  }
  return { address: addressOf(values.get('for') ?? ''), proto: values.get('proto'), host: values.get('host') };
}

/** The IP address of a node, without its port; undefined for `unknown`, obfuscated identifiers (`_hidden`) and anything malformed. */
function addressOf(text: string): string | undefined {
  if (isIP(text) === 4) return text;
  if (isIP(text) === 6) return shortest(text);
  const { bracketed, bare } = node.exec(text)?.groups ?? {};
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? shortest(bracketed) : undefined;
  return bare !== undefined && isIP(bare) === 4 ? bare : undefined;
}

/** One spelling for each IPv6 address; a mapped IPv4 address as IPv4. Keys made of addresses rely on it. */
function shortest(address: string): string {
  return unmapped(new SocketAddress({ address, family: 'ipv6' }).address);
}
