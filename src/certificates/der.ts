/** Tags of ASN.1 types (X.690 section 8). */
const tags = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, object: 0x06, text: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 };

/** Writes values in the distinguished encoding rules of ASN.1 (DER, X.690 section 10), as certificates need them. */
export const der = {
  sequence: (...items: readonly Buffer[]) => tagged(tags.sequence, ...items),
  set: (item: Buffer) => tagged(tags.set, item),
  yes: tagged(tags.boolean, Buffer.of(0xff)),
  /** Writes a number that is not negative, of any length, with its most significant octet first. */
  integer: (octets: Buffer) => tagged(tags.integer, minimal(octets)),
  octets: (content: Buffer) => tagged(tags.octets, content),
  /** @param unused number of bits at the end that do not count */
  bits: (content: Buffer, unused = 0) => tagged(tags.bits, Buffer.of(unused), content),
  text: (content: string) => tagged(tags.text, Buffer.from(content)),
  object: (dotted: string) => tagged(tags.object, objectIdentifier(dotted)),
  /** Writes a date (milliseconds since 1970) in the form that RFC 5280 section 4.1.2.5 demands for its year. */
  time: (date: number) => timeOf(new Date(date)),
  /** Writes a value whose meaning its place in a structure gives. */
  inContext: (number: number, content: Buffer, constructed = false) => tagged((constructed ? 0xa0 : 0x80) | number, content),
};

/** Tag of a date that is written with two digits of the year. */
const shortTime = 0x17;

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const { length } = Buffer.concat(contents);
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), ...contents]);
  const size = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  if (length > 0xffff) throw new RangeError('a value of a certificate is longer than 65535 octets');
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, ...contents]);
}

/** Leaves out leading zeros, but adds one to a number that would otherwise count as negative. */
function minimal(octets: Buffer): Buffer {
  const first = octets.findIndex((octet) => octet !== 0);
  const significant = first < 0 ? Buffer.of(0) : octets.subarray(first);
  return (significant[0] as number) & 0x80 ? Buffer.concat([Buffer.of(0), significant]) : significant;
}

function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return Buffer.from([first * 40 + second, ...rest].flatMap(septets));
}

/** Splits a number into groups of seven bits; the highest bit of an octet says that another one follows. */
function septets(number: number): number[] {
  const octets = [number & 0x7f];
  for (let rest = Math.floor(number / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}

function timeOf(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const isShort = date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050;
  return isShort ? tagged(shortTime, Buffer.from(digits.slice(2))) : tagged(tags.time, Buffer.from(digits));
}
