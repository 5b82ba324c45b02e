/** Tags of ASN.1 types (X.690 section 8) that are looked for. */
export const derTags = { boolean: 0x01, integer: 0x02, octets: 0x04, object: 0x06, utf8: 0x0c, shortTime: 0x17, bmp: 0x1e, sequence: 0x30 };

/** A value of ASN.1 in the distinguished encoding rules (DER, X.690 section 10). */
export interface DerValue {
  readonly tag: number;
  /** The value without its tag and length. */
  readonly content: Buffer;
  /** The value with its tag and length. */
  readonly whole: Buffer;
}

/** Reads the first value. Throws a `RangeError` if the octets end before it does. */
export function readDer(octets: Buffer): DerValue {
  const end = derEnd(octets, 0);
  return { tag: octets[0] as number, content: octets.subarray(derStart(octets, 0), end), whole: octets.subarray(0, end) };
}

/** Finds the first octet of the content of the value that begins at `at`. Throws a `RangeError` if the octets end before it. */
export function derStart(octets: Buffer, at: number): number {
  const short = octets[at + 1];
  if (short === undefined) throw new RangeError('the octets end within a value');
  return at + 2 + (short < 0x80 ? 0 : short & 0x7f);
}

/** Finds the end of the value that begins at `at`. Throws a `RangeError` if the octets end before it does. */
export function derEnd(octets: Buffer, at: number): number {
  const from = derStart(octets, at);
  const size = from - at - 2;
  if (size > 4 || (size === 0 && octets[at + 1] === 0x80)) throw new RangeError('a length is not in the form of DER');
  if (octets.length < from) throw new RangeError('the octets end within a length');
  const end = from + (size === 0 ? (octets[at + 1] as number) : octets.readUIntBE(at + 2, size));
  if (octets.length < end) throw new RangeError('the octets end within a value');
  return end;
}

/** Reads the values in a sequence or set, one after the other. Throws a `RangeError` if one is incomplete. */
export function* derItems({ content }: Pick<DerValue, 'content'>): Generator<DerValue> {
  for (let rest = content; rest.length > 0; ) {
    const item = readDer(rest);
    yield item;
    rest = rest.subarray(item.whole.length);
  }
}

/** Reads an object identifier, such as 2.5.4.3. */
export function readObjectIdentifier({ content }: DerValue): string {
  const numbers: number[] = [];
  let number = 0;
  for (const octet of content) {
    number = number * 0x80 + (octet & 0x7f);
    if (octet & 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [both = 0, ...rest] = numbers;
  const first = Math.min(2, Math.floor(both / 40));
  return [first, both - first * 40, ...rest].join('.');
}

/** Reads an integer of any length, between these offsets, as hexadecimal digits in lower case, without leading zeros. */
export function readHex(octets: Buffer, start: number, end: number): string {
  const first = octets[start] as number;
  if (end > start && first > 0x0f && first < 0x80) return octets.toString('hex', start, end);
  const number = BigInt.asIntN(8 * (end - start), BigInt(`0x${octets.toString('hex', start, end) || '0'}`));
  return number.toString(16);
}

/** Reads a date (RFC 5280 section 4.1.2.5), in milliseconds since 1970. */
export function readTime({ tag, content }: DerValue): number {
  const text = content.toString('latin1');
  const century = tag === derTags.shortTime ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') : '';
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text) ?? [];
  const date = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(date)) throw new RangeError('a date is not in the form of RFC 5280');
  return date;
}

/** Reads a text of any of the types that names have. */
export function readDerText({ tag, content }: DerValue): string {
  if (tag === derTags.bmp) return Buffer.from(content).swap16().toString('utf16le');
  return content.toString(tag === derTags.utf8 ? 'utf8' : 'latin1');
}
