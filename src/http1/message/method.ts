/** A request method and its properties (RFC 9110 section 9.2). */
export interface Method {
  readonly name: string;
  /** The method asks for no change on the server. */
  readonly safe: boolean;
  /** Sending the request twice has the same effect as sending it once, so that it may be retried. */
  readonly idempotent: boolean;
}

const properties: readonly [name: string, safe: boolean, idempotent: boolean][] = [
  ['GET', true, true],
  ['POST', false, false],
  ['HEAD', true, true],
  ['PUT', false, true],
  ['DELETE', false, true],
  ['OPTIONS', true, true],
  ['PATCH', false, false],
  ['TRACE', true, true],
  ['CONNECT', false, false],
];

const known = properties.map(([name, safe, idempotent]) => ({ method: { name, safe, idempotent } as Method, bytes: Buffer.from(name) }));

/** Reads the method in [start, end), which is case-sensitive. An unknown method counts as neither safe nor idempotent. */
export function methodIn(bytes: Buffer, start: number, end: number): Method {
  for (const candidate of known) {
    const length = candidate.bytes.length;
    if (end - start !== length) continue;
    let index = 0;
    while (index < length && bytes[start + index] === candidate.bytes[index]) index++;
    if (index === length) return candidate.method;
  }
  return { name: bytes.toString('latin1', start, end), safe: false, idempotent: false };
}
