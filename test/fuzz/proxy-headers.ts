import { proxyHeader } from '../../src/model/proxy-protocol.ts';
import { mostHeaderOctets, parseProxyHeader } from '../../src/proxy/proxy-header.ts';
import fc from '../tools/fast-check.ts';
import type { Fuzzer } from './fuzzer.ts';

const ends = fc.record({
  source: fc.oneof(fc.ipV4(), fc.ipV6()),
  destination: fc.oneof(fc.ipV4(), fc.ipV6()),
  sourcePort: fc.nat(65_535),
  destinationPort: fc.nat(65_535),
});
const header = fc.tuple(fc.constantFrom('v1', 'v2'), ends).map(([version, both]) => proxyHeader(version, both));

/** A valid header with some octets replaced, then octets that may be TLVs or a request. */
const attacked = fc
  .tuple(header, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }), fc.uint8Array({ maxLength: 200 }))
  .map(([valid, changes, more]) => {
    const octets = Buffer.concat([valid, more]);
    for (const [at, value] of changes) octets[at % octets.length] = value;
    return octets;
  });

/** Headers of the PROXY protocol: the reader never throws, waits for a bounded number of octets, and decides the same in whatever pieces they come. */
export const proxyHeaders: Fuzzer = {
  name: 'proxy headers',
  open: async () => {
    let reached = 0;
    return {
      property: fc.asyncProperty(fc.oneof(attacked, fc.uint8Array({ maxLength: 300 }).map(Buffer.from)), async (octets: Buffer) => {
        const whole = parseProxyHeader(octets);
        if (whole !== 'incomplete' && 'length' in whole) reached++;
        if (whole !== 'incomplete' && 'length' in whole && (whole.length > octets.length || whole.length > mostHeaderOctets))
          throw new Error(`a header of ${whole.length} octets was read from ${octets.length}`);
        for (let end = 0; end < octets.length; end++) {
          const part = parseProxyHeader(octets.subarray(0, end));
          if (part === 'incomplete') continue;
          if (JSON.stringify(part) === JSON.stringify(whole)) break;
          throw new Error(`${end} octets were read as ${JSON.stringify(part)}, all of them as ${JSON.stringify(whole)}`);
        }
      }),
      reached: () => reached,
      close: async () => {},
    };
  },
};
