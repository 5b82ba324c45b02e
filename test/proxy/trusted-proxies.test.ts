import { BlockList } from 'node:net';
import t from 'tap';
import { TrustedProxies } from '../../src/proxy/trusted-proxies.ts';
import { readRequest } from '../http1/reading.ts';
import fc from '../tools/fast-check.ts';

const peer = '10.0.0.9';
const proxies = new TrustedProxies(['10.0.0.0/8', 'fd00::/8']);
const untrusting = new TrustedProxies([]);

function headWith(...lines: string[]) {
  const { head, code } = readRequest(`GET / HTTP/1.1\r\nHost: api.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
  if (code !== undefined) throw new Error(`not a request: ${code}`);
  return head;
}

const clientOf = (...lines: string[]) => proxies.clientOf(peer, headWith(...lines).fields);

t.test('X-Forwarded-For', async (t) => {
  for (const [value, client] of [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:54321', '203.0.113.7'],
    ['203.0.113.7:_port', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:54321', '2001:db8::7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['[::ffff:cb00:7107]:1', '203.0.113.7'],
    ['198.51.100.1 ,\t203.0.113.7:1 , 10.0.0.1:80', '203.0.113.7'],
    ['203.0.113.7, [fd00::1]:443,10.0.0.1', '203.0.113.7'],
    ['10.0.0.2, 10.0.0.1:80', '10.0.0.2'],
    ['unknown', peer],
    ['203.0.113.7, unknown', peer],
    ['203.0.113.7, _hidden, 10.0.0.1', '10.0.0.1'],
    ['203.0.113.7, ', peer],
    ['', peer],
    ['203.0.113.7:', peer],
    ['203.0.113.7:123456', peer],
    ['203.0.113.7:80:90', peer],
    ['203.0.113.7 80', peer],
    ['203.0.113.256', peer],
    ['0203.0.113.7', peer],
    ['[203.0.113.7]', peer],
    ['[2001:db8::7', peer],
    ['2001:db8::7]:80', peer],
    ['[2001:db8::7]80', peer],
    ['"203.0.113.7"', peer],
    ['for=203.0.113.7', peer],
    ['http://203.0.113.7', peer],
  ] as const) {
    t.equal(clientOf(`X-Forwarded-For: ${value}`), client, JSON.stringify(value));
  }
  t.equal(
    clientOf('X-Forwarded-For: 198.51.100.1', 'X-Other: 1', 'x-forwarded-for: 203.0.113.7:1, 10.0.0.1'),
    '203.0.113.7',
    'several fields',
  );
  t.equal(clientOf('Forwarded: for=198.51.100.1', 'X-Forwarded-For: 203.0.113.7'), '203.0.113.7', 'it is preferred to Forwarded');
});

t.test('Forwarded alone', async (t) => {
  for (const [value, client] of [
    ['for=203.0.113.7', '203.0.113.7'],
    ['FOR="203.0.113.7:54321";proto=https;by=10.0.0.1', '203.0.113.7'],
    ['for=203.0.113.7:54321', '203.0.113.7'],
    ['proto=https;For="[2001:DB8::7]"', '2001:db8::7'],
    ['for="[2001:db8::7]:_p.1"', '2001:db8::7'],
    ['for="\\2\\0\\3.0.113.7"', '203.0.113.7'],
    ['for=198.51.100.1, for=203.0.113.7;host="a,b;c=\\"d\\"", for=10.0.0.1', '203.0.113.7'],
    [' for=203.0.113.7 ; proto=http ;\t', '203.0.113.7'],
    ['for="198.51.100.1, for=203.0.113.7', '203.0.113.7'],
    ['for="x, for="[2001:db8::7]:1"', '2001:db8::7'],
    ['for=198.51.100.1;x="\\, for="203.0.113.7"', '203.0.113.7'],
    ['for=203.0.113.7, for=unknown', peer],
    ['for=203.0.113.7, for=_hidden, for=10.0.0.1', '10.0.0.1'],
    ['for=203.0.113.7, proto=https', peer],
    ['for=203.0.113.7, ', peer],
    ['for=203.0.113.7;for=203.0.113.8', peer],
    ['for=203.0.113.7;=x', peer],
    ['for="203.0.113.7', peer],
    ['for=203.0.113.7"', peer],
    ['for = 203.0.113.7', peer],
    ['203.0.113.7', peer],
    ['', peer],
  ] as const) {
    t.equal(clientOf(`Forwarded: ${value}`), client, JSON.stringify(value));
  }
  t.equal(clientOf('Forwarded: for="x', 'Forwarded: for=203.0.113.7', 'Forwarded: for=10.0.0.1'), '203.0.113.7', 'several fields');
});

t.test('a peer that is not trusted is the client, and what it sent is replaced', async (t) => {
  const head = headWith('X-Forwarded-For: 203.0.113.7', 'Forwarded: for=203.0.113.7');
  for (const [judge, from] of [
    [untrusting, peer],
    [proxies, '192.0.2.1'],
  ] as const) {
    t.equal(judge.clientOf(from, head.fields), from);
    t.equal(judge.forwardedLines(from, head), `X-Forwarded-For: ${from}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: api.test\r\n`);
  }
});

t.test('what is forwarded extends what came', async (t) => {
  const lines = (...came: string[]) =>
    String(proxies.forwardedLines(peer, headWith(...came)))
      .trimEnd()
      .split('\r\n');
  const own = `for=${peer};host="api.test";proto=http`;
  t.strictSame(lines('X-Forwarded-For: [2001:db8::7]:1 , unknown'), [
    `X-Forwarded-For: [2001:db8::7]:1 , unknown, ${peer}`,
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: api.test',
  ]);
  t.strictSame(lines('Forwarded: for="[2001:db8::7]:1";proto=HTTPS;host="shop.test:8443", for=10.0.0.1;proto=http'), [
    `X-Forwarded-For: 2001:db8::7, 10.0.0.1, ${peer}`,
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: shop.test:8443',
    `Forwarded: for="[2001:db8::7]:1";proto=HTTPS;host="shop.test:8443", for=10.0.0.1;proto=http, ${own}`,
  ]);
  t.strictSame(lines('Forwarded: for=203.0.113.7, for=_x;proto=https, for=10.0.0.1;proto="gopher";host="a b"'), [
    `X-Forwarded-For: unknown, 10.0.0.1, ${peer}`,
    'X-Forwarded-Proto: http',
    'X-Forwarded-Host: api.test',
    `Forwarded: for=203.0.113.7, for=_x;proto=https, for=10.0.0.1;proto="gopher";host="a b", ${own}`,
  ]);
});

// Properties

const port = fc.option(fc.oneof(fc.integer({ min: 1, max: 65_535 }).map(String), fc.constant('_http')));
const octet = fc.integer({ min: 0, max: 255 });
const v4 = (first: number) => fc.tuple(octet, octet, octet).map((rest) => [first, ...rest].join('.'));
const v6 = (prefix: string) => fc.tuple(octet, octet).map(([a, b]) => `${prefix}:${(a + 1).toString(16)}::${(b + 1).toString(16)}`);
const stranger = fc.oneof(v4(203), v6('2001:db8'));
const trusted = fc.oneof(v4(10), v6('fd00:1'));
/** Anything that a client may send as a field value. */
const junk = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,40}[\x21-\x7e])?$/),
  fc
    .array(fc.constantFrom('for=', '"', '\\', ',', ';', '203.0.113.9', '[', ']', ':1', '10.0.0.1', 'unknown', ' '), { maxLength: 12 })
    .map((parts) => parts.join('')),
);

const inList = (address: string, at: string | null) => {
  if (at === null) return address;
  return address.includes(':') ? `[${address}]:${at}` : `${address}:${at}`;
};
const inForwarded = (address: string, at: string | null) => {
  const node = address.includes(':') ? `[${address}]` : address;
  return `for="${at === null ? node : `${node}:${at}`}";proto=https`;
};

t.test('whatever a client sends, the address is the nearest one that no trusted proxy has, at this hop and the next', async () => {
  for (const [field, write] of [
    ['X-Forwarded-For', inList],
    ['Forwarded', inForwarded],
  ] as const) {
    fc.assert(
      fc.property(junk, stranger, fc.array(trusted, { maxLength: 4 }), port, fc.boolean(), (claimed, client, hops, at, apart) => {
        const appended = [client, ...hops].map((address) => write(address, at)).join(', ');
        const lines = apart ? [`${field}: ${claimed}`, `${field}: ${appended}`] : [`${field}: ${claimed}, ${appended}`];
        const head = headWith(...lines);
        const here = proxies.clientOf(peer, head.fields);
        if (here !== client) throw new Error(`${here} instead of ${client}: ${lines.join(' | ')}`);
        const forwarded = String(proxies.forwardedLines(peer, head));
        const next = proxies.clientOf('10.9.9.9', headWith(...forwarded.trimEnd().split('\r\n')).fields);
        if (next !== client) throw new Error(`${next} instead of ${client} at the next hop: ${forwarded}`);
      }),
      { numRuns: 400 },
    );
  }
});

t.test('whatever a client sends, an address beyond a hop without one is not believed', async () => {
  const hidden = fc.constantFrom('unknown', '_hidden', '', 'x', '[::1', '1.2.3', '999.1.1.1');
  fc.assert(
    fc.property(junk, hidden, fc.array(trusted, { minLength: 1, maxLength: 4 }), port, fc.boolean(), (claimed, hole, hops, at, list) => {
      const write = list ? inList : inForwarded;
      const known = hops.map((address) => write(address, at));
      const line = `${list ? 'X-Forwarded-For' : 'Forwarded'}: ${[claimed, list ? hole : `for=${hole}`, ...known].join(', ')}`;
      const client = clientOf(line);
      if (client !== hops[0]) throw new Error(`${client} instead of ${hops[0]}: ${line}`);
    }),
    { numRuns: 400 },
  );
});

t.test('the list of ranges is asked once for an address, and forgets old ones', async (t) => {
  const listed = new TrustedProxies(['10.0.0.0/8']);
  const asked = t.capture(BlockList.prototype, 'check', BlockList.prototype.check);
  for (let request = 0; request < 3; request++) {
    t.equal(listed.believes('10.0.0.1'), true);
    t.equal(listed.believes('192.0.2.1'), false);
  }
  t.equal(asked().length, 2);
  for (let peer = 0; peer < 5000; peer++) listed.believes(`192.0.2.${peer}`);
  t.equal(listed.believes('10.0.0.1'), true);
});
