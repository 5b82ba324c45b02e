import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import { WebSocket } from 'ws';
import { Callers } from '../../src/control/access/callers.ts';
import { maxLingering } from '../../src/control/lingering.ts';
import { maxUnreadBytes } from '../../src/control/unread-bodies.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { type ControlUnderTest, controlUnderTest, tokens } from './control-under-test.ts';

/** Sends a GET without a token; returns its status. */
async function status({ control }: ControlUnderTest, path: string, headers: Record<string, string>): Promise<number> {
  const sent = request(control.url + path, { headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

const forwarding: Record<string, string>[] = [
  { 'x-forwarded-for': '203.0.113.9' },
  { 'X-FORWARDED-FOR': '127.0.0.1' },
  { 'x-forwarded-proto': 'https' },
  { 'x-forwarded-host': 'localhost' },
  { 'x-forwarded-port': '443' },
  { forwarded: 'for=127.0.0.1' },
  { via: '1.1 proxy' },
  { 'x-real-ip': '127.0.0.1' },
];

test('a request that a proxy passed on is not taken for one from this machine', async (t) => {
  const under = await controlUnderTest(t);
  for (const path of ['/metrics', '/healthz', '/readyz', '/v1/prometheus/targets']) {
    t.equal(await status(under, path, {}), 200);
    for (const headers of forwarding) t.equal(await status(under, path, headers), 401, `${path} with ${JSON.stringify(headers)}`);
  }
  const socket = connect(Number(new URL(under.control.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:9000\r\n\r\n');
  t.match(String((await once(socket, 'data'))[0]), / 401 /, 'HTTP/1.0 is what a proxy speaks that adds no field');
});

test('a trusted proxy says which client is local', async (t) => {
  const under = await controlUnderTest(t, { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] });
  for (const [headers, expected] of [
    [{}, 200],
    [{ 'x-forwarded-for': '127.0.0.1' }, 200],
    [{ 'x-forwarded-for': '::1' }, 200],
    [{ forwarded: 'for="[::1]:1234"' }, 200],
    [{ forwarded: 'for=127.0.0.1, for=203.0.113.9' }, 401],
    [{ 'x-forwarded-for': '203.0.113.9' }, 401],
    [{ 'x-forwarded-for': '127.0.0.1, 203.0.113.9' }, 401],
    [{ 'x-forwarded-for': '203.0.113.9, 10.1.1.1' }, 401],
    [{ 'x-forwarded-for': '127.0.0.1, unknown' }, 401],
    [{ 'x-forwarded-for': '127.0.0.1', forwarded: 'for=203.0.113.9' }, 200],
    [{ 'x-forwarded-for': '' }, 401],
    [{ via: '1.1 proxy' }, 401],
    [{ 'x-forwarded-for': '127.0.0.1', host: 'sluice.example.com' }, 401],
  ] as [Record<string, string>, number][])
    t.equal(await status(under, '/metrics', headers), expected, JSON.stringify(headers));
});

test('the address of the caller is the one that trusted proxies name', async (t) => {
  const callers = new Callers(['10.0.0.0/8']);
  const of = (remoteAddress: string, headers: Record<string, string>) =>
    callers.of({ socket: { remoteAddress }, headers: { host: 'localhost', ...headers }, httpVersion: '1.1' } as unknown as IncomingMessage);
  t.strictSame(of('127.0.0.1', {}), { address: '127.0.0.1', local: true, hidden: false });
  t.strictSame(of('::ffff:10.1.1.1', { 'x-forwarded-for': '203.0.113.9' }), { address: '203.0.113.9', local: false, hidden: false });
  t.strictSame(of('10.1.1.1', { 'x-forwarded-for': '127.0.0.1' }), { address: '127.0.0.1', local: true, hidden: false });
  t.strictSame(of('192.0.2.1', { 'x-forwarded-for': '203.0.113.9' }), { address: '192.0.2.1', local: false, hidden: true });
});

test('nothing is shown to requests that a balancer or gateway server forwarded: no project can have the control address as target', async (t) => {
  const under = await controlUnderTest(t);
  for (const via of ['1.1 sluice', '1.1 sluice, 1.1 other', '1.0 other, 1.1 Sluice (x)', 'HTTP/1.1 sluice']) {
    for (const path of ['/', '/metrics', '/healthz', '/openapi.json', '/v1/servers', '/nothing'])
      t.equal((await under.ask('GET', path, { headers: { via } })).status, 403, `${path} by ${via}`);
    const socket = new WebSocket(`${under.control.url.replace('http', 'ws')}/v1/events`, {
      headers: { via, authorization: `Bearer ${tokens.admin}` },
    });
    socket.on('error', () => {});
    const [, refused] = await once(socket, 'unexpected-response');
    t.equal((refused as IncomingMessage).statusCode, 403);
  }
  t.equal((await under.ask('GET', '/v1/servers', { headers: { via: '1.1 sluice.example.com' } })).status, 200);
});

/** A raw connection to the control address, and the text that came over it so far. */
function connected(t: Test, under: ControlUnderTest, allowHalfOpen = false): { socket: Socket; heard: () => string } {
  const socket = connect({ port: Number(new URL(under.control.url).port), host: '127.0.0.1', allowHalfOpen });
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (octets) => {
    text += octets;
  });
  return { socket, heard: () => text };
}

test('offers to upgrade that are ignored leave nothing behind', async (t) => {
  const under = await controlUnderTest(t);
  const { socket, heard } = connected(t, under);
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const offer = `GET /v1/servers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${tokens.admin}\r\nconnection: Upgrade\r\nupgrade: foo\r\n\r\n`;
  let answers = 0;
  socket.on('error', () => {});
  socket.on('data', () => {
    if (++answers < 50) socket.write(offer);
  });
  socket.write(offer);
  await new Promise((resolve) => socket.once('close', resolve));
  t.match(heard(), /^HTTP\/1\.1 200 /);
  t.match(heard(), /connection: close/i);
  t.equal(heard().match(/HTTP\/1\.1 200/g)?.length, 1, 'a connection carries one of them');
  t.strictSame(warnings, []);
});

test('the body of a refused request is not read', async (t) => {
  for (const framing of ['content-length: 50000000', 'transfer-encoding: chunked']) {
    const under = await controlUnderTest(t);
    const { socket, heard } = connected(t, under);
    socket.on('error', () => {});
    socket.write(`POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`);
    const piece = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`);
    let taken = 0;
    const send = () => {
      while (!socket.destroyed && taken < 50_000_000) {
        taken += piece.length;
        if (!socket.write(piece)) break;
      }
    };
    socket.on('drain', send);
    send();
    await new Promise((resolve) => socket.once('close', resolve));
    t.match(heard(), /^HTTP\/1\.1 401 [\s\S]*connection: close/i, `${framing}: the client gets the answer`);
    t.ok(taken < 30_000_000, `${framing}: ${taken} octets left the client`);
  }
});

test('few clients at a time get long to read a refusal, the latest ones', async (t) => {
  const under = await controlUnderTest(t, { clock: new FakeClock() });
  const refused = async () => {
    const { socket, heard } = connected(t, under, true);
    socket.on('error', () => {});
    socket.write('POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50000000\r\n\r\n');
    await eventually(heard, (now) => now.includes(' 401 '));
    return socket;
  };
  const first = await refused();
  const closed = new Promise((resolve) => first.once('close', resolve));
  // The client sends on, and hears that the connection is gone.
  const sending = setInterval(() => first.write('x'), 1);
  t.teardown(() => clearInterval(sending));
  const others: Socket[] = [];
  for (let index = 1; index < maxLingering; index++) others.push(await refused());
  t.notOk(first.destroyed, 'no more than that many have been refused');
  await refused();
  await closed;
  t.notOk(others.some(({ destroyed }) => destroyed));
});

test('a connection is kept if little of an unwanted body is left', async (t) => {
  const under = await controlUnderTest(t);
  const { socket, heard } = connected(t, under);
  socket.write(`POST /v1/projects HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${maxUnreadBytes}\r\n\r\n`);
  await eventually(heard, (now) => now.includes(' 401 '));
  socket.write('x'.repeat(maxUnreadBytes));
  socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await eventually(heard, (now) => now.includes('HTTP/1.1 200 '));
});
