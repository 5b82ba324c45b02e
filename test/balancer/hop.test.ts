import { randomBytes, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { type HopConditions, hopConnector, hopTo, memberHop } from '../../src/balancer/hop.ts';
import { HopModes } from '../../src/balancer/hop-modes.ts';
import { HopPatience } from '../../src/balancer/hop-patience.ts';
import { LiveMember } from '../../src/balancer/live-member.ts';
import type { TableHop } from '../../src/balancer/table.ts';
import { Authority } from '../../src/certificates/authority.ts';
import { balancerUri, refuseBalancer, serverUri, writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { type ProbeResult, probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { Environment, EnvironmentSpec } from '../../src/model/environment.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import { atOnce } from '../../src/model/pieces.ts';
import type { ServerRecord } from '../../src/model/server.ts';
import type { Exchange, ListenerSettings } from '../../src/proxy/contract.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { readCertificate } from '../../src/tls/certificate.ts';
import { failedHandshakes } from '../../src/tls/failed-handshakes.ts';
import { hopName } from '../../src/tls/hop-tls.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';
import { server } from './tables.ts';

const { limits, timeouts } = environmentSpec.parse({});
const day = 24 * 3_600_000;
const authority = Authority.make(Date.now());
const made = new CertificateFolder(t);

/** Key and certificate of a server or balancer. */
function issue(uri: string, purpose: 'server' | 'client', { by = authority, until = Date.now() + day } = {}) {
  const { publicKey, privateKey } = makeKeyPair();
  const certificate = by.issue({ uri, publicKey, purpose, from: Date.now() - day, until });
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, publicKey: writeKey(publicKey) };
}

type Issued = ReturnType<typeof issue>;

function credentials(of = issue(balancerUri('b1'), 'client')): TableHop {
  return { certificate: of.certificate, key: of.key, authorities: [authority.certificate] };
}

/** A listener as a gateway server has it, which answers with what it believes about the client. */
async function gateway(t: Test, shown: Issued, more: Partial<ListenerSettings> = {}) {
  const hop = {
    certificate: shown.certificate,
    key: shown.key,
    authorities: [authority.certificate],
    ticketKey: randomBytes(48).toString('base64'),
    refusalOf: (peer: X509Certificate | undefined) => refuseBalancer(peer, [authority.x509], Date.now()),
  };
  const settings = (changed: Partial<ListenerSettings> = {}): ListenerSettings => ({
    ...{ headerBytes: limits.headerBytes, bodyRate: limits.bodyRate, timeouts, trustedProxies: [] },
    ...{ hop, mayBePlain: () => false, ...more, ...changed },
  });
  const requests: { client: string; secure: boolean }[] = [];
  const handler = {
    request(exchange: Exchange) {
      requests.push({ client: exchange.clientAddress, secure: exchange.secure });
      exchange.respond(200, {}, exchange.clientAddress);
    },
    fault: (error: unknown) => t.fail(String(error)),
  };
  const listener = await openListener('127.0.0.1:0', settings(), handler);
  t.teardown(() => listener.close(0));
  return { address: listener.address, port: Number(listener.address.split(':')[1]), requests, listener, settings };
}

/** Sends a request through a balancer's listener to a server. */
async function ask(t: Test, member: LiveMember) {
  const it = await world(t, { route: { pick: (_exchange, tried) => (tried.length === 0 ? member.upstream : undefined) } });
  const client = await it.client();
  client.send('GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n');
  const answer = await client.message();
  return { status: statusOf(answer), body: answer.body, outcomes: it.outcomes };
}

function memberAt(t: Test, address: string, key: string, given = credentials()): LiveMember {
  const member = new LiveMember(server('g1', { address, hopKey: key }), memberHop('production', given, undefined));
  t.teardown(() => member.retire());
  return member;
}

const check = (address: string, key: string): Promise<ProbeResult> =>
  new Promise((resolve) => {
    const secure = hopConnector(memberHop('production', credentials(), undefined), 'g1', key);
    probe({ address, path: '/', timeout: 10_000, expect: '200', secure }, systemClock, resolve);
  });

const g1 = issue(serverUri('production', 'g1'), 'server');

t.test('requests and checks reach a server over mutual TLS, and the server believes what the balancer says of clients', async (t) => {
  const { address, requests } = await gateway(t, g1);
  t.match(await ask(t, memberAt(t, address, g1.publicKey)), { status: 200, body: '127.0.0.1' });
  t.strictSame(requests, [{ client: '127.0.0.1', secure: true }], 'the client of the balancer, not the 192.0.2.1 that it made up');
  t.match(await check(address, g1.publicKey), { passed: true, status: 200 });
});

t.test('a certificate that has expired serves on: the lease says how long a server serves', async (t) => {
  const old = issue(serverUri('production', 'g1'), 'server', { until: Date.now() - 1000 });
  const { address } = await gateway(t, old);
  t.match(await ask(t, memberAt(t, address, old.publicKey)), { status: 200 });
});

t.test('a forged server gets no octet of a request or a check, and the reason is told', async (t) => {
  const other = Authority.make(Date.now());
  const forged: [string, Issued, string, RegExp][] = [
    ['another authority', issue(serverUri('production', 'g1'), 'server', { by: other }), '', /not signed by the authority/],
    ['another key', g1, issue(serverUri('production', 'g1'), 'server').publicKey, /another key/],
    ['another server', issue(serverUri('production', 'g2'), 'server'), '', /not for sluice:\/\/server\/production\/g1/],
    ['another environment', issue(serverUri('staging', 'g1'), 'server'), '', /not for/],
    ['a balancer', issue(serverUri('production', 'g1'), 'client'), '', /not one of a server/],
  ];
  for (const [name, shown, key, reason] of forged) {
    const received: Buffer[] = [];
    const impostor = tls.createServer({ cert: shown.certificate, key: shown.key, minVersion: 'TLSv1.3' }, (socket) => {
      socket.on('error', () => {}).on('data', (octets) => received.push(octets));
    });
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    t.teardown(() => impostor.close());
    const address = `127.0.0.1:${(impostor.address() as net.AddressInfo).port}`;
    const answer = await ask(t, memberAt(t, address, key || shown.publicKey));
    t.match(answer, { status: 502, outcomes: [{ kind: 'connect-failed', reason }] }, name);
    t.match(await check(address, key || shown.publicKey), { passed: false, reason }, name);
    t.equal(received.length, 0, name);
  }
});

t.test('sessions are resumed, and other credentials make new ones on the same upstream', async (t) => {
  const { address, requests, listener } = await gateway(t, g1);
  const resumed: boolean[] = [];
  const connect = tls.connect;
  t.intercept(tls, 'connect', {
    value: (...given: Parameters<typeof connect>) => {
      const socket = connect(...given);
      return socket.once('secureConnect', () => resumed.push(socket.isSessionReused()));
    },
  });
  const member = memberAt(t, address, g1.publicKey);
  const { upstream } = member;
  const askOnce = async () => {
    t.match(await ask(t, member), { status: 200, outcomes: [{ kind: 'answered' }] });
    // Closes the connection that was kept.
    upstream?.retire();
    upstream?.revive();
  };
  await askOnce();
  await askOnce();
  member.update(member.server, memberHop('production', credentials(issue(balancerUri('b1'), 'client')), undefined));
  t.equal(member.upstream, upstream);
  await askOnce();
  await askOnce();
  t.strictSame(resumed, [false, true, false, true]);
  t.equal(requests.length, 4);
  t.equal(listener.counts.accepted, 4);
});

t.test('a server that begins to answer TLS gets a new upstream, and requests in flight end on the old one', (t) => {
  const member = new LiveMember(server('g1'));
  const { upstream } = member;
  if (upstream === undefined) throw new Error('no upstream');
  upstream.active++;
  member.update(server('g1', { hopKey: g1.publicKey }), memberHop('production', credentials(), undefined));
  t.not(member.upstream, upstream);
  t.ok(member.upstream?.secure);
  t.match(member.live('production'), { active: 1, mutualTls: true });
  member.retire();
  t.end();
});

/** Everything that a stranger gets from a port. */
async function strangerAt(port: number, octets: string | Buffer): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (piece) => {
    said += piece.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(octets);
  await closed(socket);
  return said;
}

/** Unlike `once`, does not mind an error before it. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

t.test('a stranger at the port of a server gets nothing', async (t) => {
  const { port, requests } = await gateway(t, g1);
  const lines: object[] = [];
  failedHandshakes.log = { warn: (about: object) => void lines.push(about) };
  t.teardown(() => {
    failedHandshakes.log = undefined;
  });
  const before = failedHandshakes.count;
  t.equal(await strangerAt(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), '', 'plain');
  t.equal(await strangerAt(port, '\0'), '', 'another protocol');
  const other = Authority.make(Date.now());
  const strangers: [string, tls.ConnectionOptions][] = [
    ['without a certificate', {}],
    ['of another authority', asClient(issue(balancerUri('b1'), 'client', { by: other }))],
    ['a server', asClient(issue(serverUri('production', 'g2'), 'server'))],
    ['expired', asClient(issue(balancerUri('b1'), 'client', { until: Date.now() - 1000 }))],
    ['TLS 1.2', { ...asClient(issue(balancerUri('b1'), 'client')), maxVersion: 'TLSv1.2' }],
  ];
  for (const [name, options] of strangers) {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: hopName, rejectUnauthorized: false, ...options });
    let said = '';
    socket
      .on('error', () => {})
      .on('data', (octets) => {
        said += octets;
      });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await closed(socket);
    t.equal(said, '', name);
  }
  t.equal(requests.length, 0);
  t.equal(failedHandshakes.count - before, 7, 'each is counted');
  t.equal(lines.length, 1, 'at most one line a minute');
});

function asClient({ certificate, key }: Issued): tls.ConnectionOptions {
  return { cert: certificate, key };
}

t.test('on one port: clients over TLS, balancers over mutual TLS, and peers of this machine without', async (t) => {
  const certificate = readCertificate(made.issue({ names: ['localhost', '127.0.0.1'] }), '/', Date.now());
  const ca = readFileSync(made.root.certificate);
  const environments = [{ name: '', hosts: [], ticketKey: randomBytes(48).toString('base64') }];
  const { port, address, requests, listener, settings } = await gateway(t, g1, {
    tls: { certificates: [certificate], minVersion: '1.2', environments },
    mayBePlain: (peer) => peer === '127.0.0.1',
  });
  const request = 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n';
  const client = async () => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
    let said = '';
    socket.on('data', (octets) => {
      said += octets;
    });
    socket.write(request);
    await once(socket, 'close');
    return said;
  };
  t.match(await client(), /^HTTP\/1.1 200 .*127.0.0.1$/s, 'a client, whose X-Forwarded-For is not believed');
  t.match(await strangerAt(port, request), /^HTTP\/1.1 200 .*127.0.0.1$/s, 'a plain peer');
  t.match(await ask(t, memberAt(t, address, g1.publicKey)), { status: 200 }, 'a balancer');
  listener.update(settings({ mayBePlain: () => false }));
  t.match(await client(), /^HTTP\/1.1 200 /);
  t.equal(await strangerAt(port, request), '');
  t.match(await ask(t, memberAt(t, address, g1.publicKey)), { status: 200 });
  t.strictSame(
    requests.map(({ secure }) => secure),
    [true, false, true, true, true],
  );
});

t.test('the registry and the setting decide the way to a server', (t) => {
  const isOwn = (host: string) => host === '127.0.0.1';
  const key = g1.publicKey;
  const [here, there] = ['127.0.0.1:1', '192.0.2.1:1'];
  const serving = { hop: { key, serves: true as const } };
  const about = { serverTls: 'auto', hasCredentials: true, isAwaited: false, isOwn } as const;
  const cases: [string, Parameters<typeof hopTo>[0], Partial<HopConditions>, object][] = [
    ['another machine', { source: 'join', address: there, ...serving }, {}, { hopKey: key }],
    ['this machine', { source: 'join', address: here, ...serving }, {}, {}],
    ['this machine, always', { source: 'join', address: here, ...serving }, { serverTls: 'on' }, { hopKey: key }],
    ['never', { source: 'join', address: there, ...serving }, { serverTls: 'off' }, {}],
    ['an older server', { source: 'join', address: there }, {}, {}],
    ['an older server, always', { source: 'join', address: there }, { serverTls: 'on' }, { refused: /update its program/ }],
    ['soon with a certificate', { source: 'join', address: there, hop: { key } }, { isAwaited: true }, { refused: /waits for its cert/ }],
    ['soon, on this machine', { source: 'join', address: here, hop: { key } }, { isAwaited: true }, {}],
    ['without a certificate', { source: 'join', address: there, hop: { key } }, {}, {}],
    ['without, always', { source: 'join', address: there, hop: { key } }, { serverTls: 'on' }, { refused: /no certificate yet/ }],
    ['a balancer without', { source: 'join', address: there, ...serving }, { hasCredentials: false }, { refused: /this balancer/ }],
    ['registered by plain HTTP', { source: 'http', address: there }, { serverTls: 'on' }, {}],
    ['registered by plain HTTP, with TLS', { source: 'http', address: there, ...serving }, {}, { hopKey: key }],
  ];
  for (const [name, record, more, expected] of cases) {
    const way = hopTo(record, { ...about, ...more });
    t.match(way, expected, name);
    t.strictSame(Object.keys(way), Object.keys(expected), name);
  }
  t.end();
});

t.test('a server that asked for a certificate is awaited for ten seconds, once in each environment', async (t) => {
  const clock = new FakeClock();
  let ended = 0;
  const patience = new HopPatience(clock, () => ended++);
  const follow = (environment: string, ...records: ServerRecord[]) =>
    atOnce(
      patience.follow(
        environment,
        records.map((record) => ({ record })),
      ),
    );
  const record = { ...sample(), hop: { key: g1.publicKey } };
  follow('production', record, { ...sample(), id: 'g2' });
  t.strictSame([patience.waitsFor('g1'), patience.waitsFor('g2')], [true, false]);
  await clock.pass(10_000);
  follow('production', record);
  t.notOk(patience.waitsFor('g1'));
  t.equal(ended, 1);
  follow('staging', { ...record, environment: 'staging' });
  t.ok(patience.waitsFor('g1'), 'in another environment');
  follow('production');
  t.ok(patience.waitsFor('g1'), 'the environment that it left changes nothing');
  follow('staging', { ...record, environment: 'staging', hop: { key: g1.publicKey, serves: true } });
  t.notOk(patience.waitsFor('g1'));
  t.equal(clock.pending, 0);
});

function sample(): ServerRecord {
  const ids = { id: 'g1', instance: '1', environment: 'production', address: '192.0.2.1:1', source: 'join', version: '0' } as const;
  return { ...ids, weight: 1, draining: false, leaving: false, projects: [], startedAt: 0, ttl: 1000 };
}

t.test('TLS is given up only once servers have heard that they need not demand it', async (t) => {
  const clock = new FakeClock();
  let ended = 0;
  const modes = new HopModes(clock, () => ended++);
  const set = (serverTls: EnvironmentSpec['serverTls']) => {
    const spec = environmentSpec.parse({ serverTls });
    modes.follow([{ name: 'production', input: {}, spec } satisfies Environment]);
    return modes.of('production', serverTls);
  };
  t.equal(set('auto'), 'auto');
  t.equal(set('on'), 'on', 'at once');
  t.equal(set('off'), 'on');
  await clock.pass(14_000);
  t.equal(set('off'), 'on');
  await clock.pass(1_000);
  t.equal(ended, 1);
  t.equal(set('off'), 'off');
  t.equal(set('auto'), 'auto');
  t.equal(set('off'), 'auto');
  t.equal(set('auto'), 'auto');
  await clock.pass(60_000);
  t.equal(set('auto'), 'auto', 'taken back in time');
  modes.stop();
  t.equal(clock.pending, 0);
});
