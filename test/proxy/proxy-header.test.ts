import t from 'tap';
import { type ConnectionEnds, localHeader, proxyHeader } from '../../src/model/proxy-protocol.ts';
import { crc32c } from '../../src/proxy/crc32c.ts';
import { parseProxyHeader } from '../../src/proxy/proxy-header.ts';
import fc from '../tools/fast-check.ts';

const v4: ConnectionEnds = { source: '192.0.2.7', sourcePort: 4711, destination: '198.51.100.1', destinationPort: 80 };
const v6: ConnectionEnds = { source: '2001:db8::7', sourcePort: 1, destination: '::1', destinationPort: 65_535 };

/** A header of version 2 with TLVs after its addresses; a TLV of type 3 gets the right checksum. */
function withTlvs(...tlvs: (readonly [type: number, value: Buffer])[]): Buffer {
  const parts = tlvs.map(([type, value]) => Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]));
  const header = Buffer.concat([proxyHeader('v2', v4), ...parts]);
  header.writeUInt16BE(header.length - 16, 14);
  return header;
}

t.test('what is written is read, in both versions', async (t) => {
  for (const version of ['v1', 'v2'] as const)
    for (const ends of [v4, v6]) {
      const header = proxyHeader(version, ends);
      t.strictSame(parseProxyHeader(Buffer.concat([header, Buffer.from('GET /')])), { length: header.length, ends });
      for (let end = 0; end < header.length; end++) t.equal(parseProxyHeader(header.subarray(0, end)), 'incomplete');
    }
});

t.test('connections of the sender itself keep their own ends', async (t) => {
  for (const version of ['v1', 'v2'] as const)
    t.strictSame(parseProxyHeader(localHeader(version)), { length: localHeader(version).length });
  const unknown = Buffer.from('PROXY UNKNOWN ffff:f::1 ffff::2 65535 65535\r\n');
  t.strictSame(parseProxyHeader(unknown), { length: unknown.length });
});

t.test('mapped addresses are read as IPv4', async (t) => {
  const header = Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4711 80\r\n');
  t.strictSame(parseProxyHeader(header), { length: header.length, ends: v4 });
  t.strictSame(proxyHeader('v1', { ...v4, source: '::ffff:192.0.2.7' }), proxyHeader('v1', v4));
  t.match(proxyHeader('v1', { ...v6, destination: '198.51.100.1' }).toString(), 'PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 1 65535\r\n');
});

t.test('TLVs are skipped, and a checksum among them is verified', async (t) => {
  const plain = withTlvs([0x04, Buffer.alloc(3)], [0xea, Buffer.from('vpce-1')]);
  t.strictSame(parseProxyHeader(plain), { length: plain.length, ends: v4 });
  const summed = withTlvs([0x03, Buffer.alloc(4)], [0x04, Buffer.alloc(0)]);
  const wrong = Buffer.from(summed);
  summed.writeUInt32BE(crc32c(summed, 31), 31);
  t.strictSame(parseProxyHeader(summed), { length: summed.length, ends: v4 });
  wrong.writeUInt32BE((crc32c(summed, 31) ^ 1) >>> 0, 31);
  t.match(parseProxyHeader(wrong), { fault: /checksum/ });
  const cut = withTlvs([0x04, Buffer.alloc(3)]);
  cut.writeUInt16BE(9, 29);
  t.match(parseProxyHeader(cut), { fault: /cut off/ });
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
});

t.test('other octets are refused', async (t) => {
  const refused = [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
    'PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
  ];
  for (const text of refused) t.hasProp(parseProxyHeader(Buffer.from(text)), 'fault', text);
  for (const [at, value] of [
    [12, 0x11],
    [12, 0x22],
    [13, 0x41],
    [13, 0x13],
    [14, 0xff],
    [15, 3],
  ] as const) {
    const header = proxyHeader('v2', v4);
    header[at] = value;
    t.hasProp(parseProxyHeader(header), 'fault', `${at}: ${value}`);
  }
});

t.test('no octets make the parser throw, and what it decided stays when more octets come', async (t) => {
  const begun = fc.constantFrom(
    Buffer.alloc(0),
    proxyHeader('v2', v4).subarray(0, 13),
    withTlvs([3, Buffer.alloc(4)]),
    Buffer.from('PROXY TCP4 '),
  );
  const octets = fc.tuple(begun, fc.uint8Array({ maxLength: 300 })).map(([first, more]) => Buffer.concat([first, more]));
  fc.assert(
    fc.property(octets, (all) => {
      const whole = parseProxyHeader(all);
      for (let end = 0; end <= all.length; end++) {
        const part = parseProxyHeader(all.subarray(0, end));
        if (part === 'incomplete') continue;
        t.strictSame(part, whole);
        break;
      }
    }),
    { numRuns: 500 },
  );
});
