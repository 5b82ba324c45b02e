import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { LiveMember } from '../../src/balancer/live-member.ts';
import { probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { OutgoingTls } from '../../src/model/outgoing-tls.ts';
import { localHeader } from '../../src/model/proxy-protocol.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';
import { server } from './tables.ts';

const made = new CertificateFolder(t);
const { cert: authority } = textsOf(made.root);
const here = textsOf(made.issue({ names: ['localhost', '127.0.0.1'] }));
const elsewhere = textsOf(made.issue({ names: ['target.test'] }));
const expired = textsOf(made.issue({ names: ['localhost', '127.0.0.1'], until: '20200102000000Z' }));
const client = textsOf(made.issue({ names: ['client'] }));
const selfSigned = textsOf(made.issue({ names: ['localhost', '127.0.0.1'], by: 'itself' }));
const identity = { certificate: client.cert, key: client.key };
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Starts a server that demands a client certificate of the authority. `seen`: the names in the certificates that it was shown. */
async function secureServer(t: Test, options: tls.TlsOptions = {}) {
  const seen: { name: string | undefined; resumed: boolean }[] = [];
  const server = tls.createServer({ ...here, ca: authority, requestCert: true, rejectUnauthorized: true, ...options }, (socket) => {
    seen.push({ name: socket.getPeerCertificate().subject?.CN as string | undefined, resumed: socket.isSessionReused() });
    socket.on('error', () => {}).on('data', () => socket.write(ok));
  });
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => void sockets.add(socket));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { seen, address: `127.0.0.1:${(server.address() as net.AddressInfo).port}` };
}

/** Asks a static server for a response through a listener. */
async function ask(t: Test, member: LiveMember) {
  const it = await world(t, { route: { pick: (_exchange, tried) => (tried.length === 0 ? member.upstream : undefined) } });
  const client = await it.client();
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = await client.message();
  return { status: statusOf(answer), body: answer.body, outcomes: it.outcomes };
}

const check = (address: string, settings: OutgoingTls) =>
  new Promise((resolve) => {
    const asked = { address, path: '/', timeout: 10_000, expect: '200', secure: new TlsConnector(settings) };
    probe(asked, systemClock, resolve);
  });

t.test('requests and health checks show the client certificate', async (t) => {
  const { seen, address } = await secureServer(t);
  const tls = { ca: authority, ...identity };
  const member = new LiveMember(server('a', { address, tls }));
  t.teardown(() => member.retire());
  t.match(await ask(t, member), { status: 200, body: 'ok' });
  t.match(await check(address, tls), { passed: true, status: 200 });
  t.strictSame(
    seen.map(({ name }) => name),
    ['client', 'client'],
  );
});

t.test('a header of the PROXY protocol goes before the handshake', async (t) => {
  const { seen, address } = await secureServer(t);
  const { hostname, port } = new URL(`tcp://${address}`);
  const headers: string[] = [];
  const front = net.createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', (octets) => {
        const end = octets.indexOf('\r\n') + 2;
        headers.push(octets.subarray(0, end).toString());
        const behind = net.connect(Number(port), hostname).on('error', () => socket.destroy());
        behind.write(octets.subarray(end));
        socket.pipe(behind).pipe(socket);
      });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  t.teardown(() => front.close());
  const tls = { ca: authority, ...identity };
  const to = `127.0.0.1:${(front.address() as net.AddressInfo).port}`;
  const member = new LiveMember(server('a', { address: to, tls, proxyProtocol: 'v1' }));
  t.teardown(() => member.retire());
  t.match(await ask(t, member), { status: 200, body: 'ok' });
  t.match(headers, [/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n$/]);
  const asked = { address: to, path: '/', timeout: 10_000, expect: '200', secure: new TlsConnector(tls), preface: localHeader('v1') };
  t.match(await new Promise((resolve) => probe(asked, systemClock, resolve)), { passed: true, status: 200 });
  t.match(headers[1], /^PROXY UNKNOWN/);
  t.equal(seen.length, 2);
});

t.test('other settings make other connections, which resume no session of the earlier ones', async (t) => {
  const { seen, address } = await secureServer(t, { rejectUnauthorized: false });
  const member = new LiveMember(server('a', { address, tls: { ca: authority, ...identity } }));
  t.teardown(() => member.retire());
  await ask(t, member);
  const before = member.upstream;
  member.update(server('a', { address, tls: { ca: authority, ...identity } }));
  t.equal(member.upstream, before, 'equal settings change nothing');
  member.update(server('a', { address, tls: { ca: authority } }));
  await ask(t, member);
  t.strictSame(seen, [
    { name: 'client', resumed: false },
    { name: undefined, resumed: false },
  ]);
});

t.test('requests and checks say what is wrong, but not to clients', async (t) => {
  for (const [name, options, settings, reason] of [
    ['expired', { ...expired }, { ca: authority, ...identity }, /certificate has expired: the server needs a new certificate/],
    ['another name', { ...elsewhere }, { ca: authority, ...identity }, /tls\.serverName/],
    ['an unknown authority', {}, { ca: selfSigned.cert, ...identity }, /tls\.ca/],
    ['no client certificate, TLS 1.2', { maxVersion: 'TLSv1.2' }, { ca: authority }, /client certificate/],
    [
      'a client certificate of another authority, TLS 1.2',
      { maxVersion: 'TLSv1.2', ca: selfSigned.cert },
      { ca: authority, ...identity },
      /./,
    ],
  ] as const) {
    await t.test(name, async (t) => {
      const { address } = await secureServer(t, options as tls.TlsOptions);
      const member = new LiveMember(server('a', { address, tls: settings }));
      t.teardown(() => member.retire());
      const { status, body, outcomes } = await ask(t, member);
      t.equal(status, 502);
      t.notMatch(body, /certificate|127\.0\.0\.1|tls/);
      t.match(outcomes, [{ kind: /connect-failed|reset/, reason }]);
      t.match(await check(address, settings), { passed: false, reason });
    });
  }
});

t.test('a serverName that is an address is checked, and not sent as SNI', async (t) => {
  const { address } = await secureServer(t);
  t.match(await check(address, { ca: authority, ...identity, serverName: '127.0.0.1' }), { passed: true });
  t.match(await check(address, { ca: authority, ...identity, serverName: '127.0.0.2' }), { passed: false, reason: /tls\.serverName/ });
  t.match(await check(address, { ca: authority, ...identity, serverName: 'localhost.' }), { passed: true });
  t.match(await check(address, { verify: false, ...identity, serverName: 'nowhere.test' }), { passed: true });
});
