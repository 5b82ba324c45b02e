import { type WireFault, wireFaults } from './wire-fault.ts';

/** A request method and its properties (RFC 9110 section 9.2). */
export interface Method {
  readonly name: string;
  /** The method asks for no change on the server. */
  readonly safe: boolean;
  /** Sending the request twice has the same effect as sending it once, so that it may be retried. */
  readonly idempotent: boolean;
  /** Why requests with the method are refused; undefined: they are not. */
  readonly fault: WireFault | undefined;
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

const known = properties.map(([name, safe, idempotent]) => {
  const method: Method = { name, safe, idempotent, fault: name === 'CONNECT' ? wireFaults.connectMethod : undefined };
  return { method, bytes: Buffer.from(name) };
});

/** Reads the method in [start, end), which is case-sensitive. An unknown method counts as neither safe nor idempotent. */
export function methodIn(bytes: Buffer, start: number, end: number): Method {
  for (const candidate of known) {
    const length = candidate.bytes.length;
    if (end - start !== length) continue;
    let index = 0;
    while (index < length && bytes[start + index] === candidate.bytes[index]) index++;
    if (index === length) return candidate.method;
  }
  const name = bytes.toString('latin1', start, end);
  return { name, safe: false, idempotent: false, fault: faultOf(name) };
}

/**
 * Why an unknown method is refused. A server that takes `connect` for CONNECT makes a tunnel, and one that takes `head` for HEAD sends no
 * body: both would read the octets that follow in another way than Sluice.
 */
function faultOf(name: string): WireFault | undefined {
  const capitals = name.toUpperCase();
  if (capitals === 'CONNECT') return wireFaults.connectMethod;
  return capitals === 'HEAD' ? wireFaults.methodCase : undefined;
}
