import type net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { compileProject } from '../../src/gateway/compiled-project.ts';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { ProjectTable } from '../../src/gateway/project-table.ts';
import { TargetFailureLog } from '../../src/gateway/target-failure-log.ts';
import { environmentSpec } from '../../src/model/environment.ts';
import type { ProjectInput } from '../../src/model/project.ts';
import { openListener } from '../../src/proxy/http-listener.ts';
import { deployed } from '../gateway/samples.ts';
import { CertificateFolder, textsOf } from '../tools/certificate-folder.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { policyServices } from '../tools/policy-services.ts';
import { field, Peer, statusOf } from './peer.ts';
import { RawServer } from './world.ts';

type TargetInput = ProjectInput['targets'][string];

const made = new CertificateFolder(t);
const { cert: authority } = textsOf(made.root);
const here = textsOf(made.issue({ names: ['localhost', '127.0.0.1'] }));
const elsewhere = textsOf(made.issue({ names: ['target.test'] }));
const selfSigned = textsOf(made.issue({ names: ['localhost', '127.0.0.1'], by: 'itself' }));
const { timeouts } = environmentSpec.parse({});
const get = 'GET /p/x HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Starts a target with these TLS options that responds to every request. `seen`: what it saw of each handshake. */
async function secureTarget(t: Test, options: tls.TlsOptions, answer = ok) {
  const seen: { name: string | false; protocol: string | null; application: string | false; resumed: boolean }[] = [];
  const sockets = new Set<net.Socket>();
  const server = tls.createServer(options, (socket) => {
    const { servername, alpnProtocol } = socket as unknown as { servername: string | false; alpnProtocol: string | false };
    seen.push({ name: servername, protocol: socket.getProtocol(), application: alpnProtocol, resumed: socket.isSessionReused() });
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      if (octets.includes('\r\n\r\n')) socket.write(answer, () => answer.includes('close') && socket.end());
    });
  });
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const { port, family } = server.address() as net.AddressInfo;
  return { seen, port, url: family === 'IPv4' ? `https://127.0.0.1:${port}/api` : `https://localhost:${port}/api` };
}

/** A gateway's listener with one project that has one target. */
async function gateway(t: Test, target: TargetInput, variables: Record<string, string> = {}) {
  const { logger, lines } = keptLogger();
  const project = compileProject(deployed({ name: 'p', targets: { default: target } }), {
    origin: { epoch: 'e', variables },
    services: policyServices(),
    failureLog: new TargetFailureLog({ logger, clock: new FakeClock() }),
  });
  const handler = new GatewayHandler({ table: new ProjectTable([project]), ready: true }, logger);
  const listener = await openListener('127.0.0.1:0', { headerBytes: 8192, bodyRate: 0, timeouts, trustedProxies: [] }, handler);
  const clients: Peer[] = [];
  t.teardown(async () => {
    for (const client of clients) client.socket.destroy();
    await listener.close(0);
    for (const upstream of project.upstreams.values()) upstream.retire();
  });
  const client = async () => {
    const peer = await Peer.to(listener.address);
    clients.push(peer);
    return peer;
  };
  const ask = async () => {
    const peer = await client();
    peer.send(get);
    return peer.message();
  };
  return { ask, client, lines, project };
}

t.test('a target whose certificate is signed by a trusted authority', async (t) => {
  const target = await secureTarget(t, { ...here, ALPNProtocols: ['h2', 'http/1.1'] });
  const url = `https://localhost:${target.port}/api`;
  const { ask, lines } = await gateway(t, { url, tls: { ca: authority } });
  for (let turn = 0; turn < 2; turn++) t.equal((await ask()).body, 'ok');
  t.strictSame(
    target.seen,
    [{ name: 'localhost', protocol: 'TLSv1.3', application: 'http/1.1', resumed: false }],
    'one connection, which is kept',
  );
  t.strictSame(lines, []);
});

t.test('the authority can come from a variable', async (t) => {
  const target = await secureTarget(t, here);
  const { ask } = await gateway(t, { url: target.url, tls: { ca: '${variables.ca}' } }, { ca: `${selfSigned.cert}${authority}` });
  t.equal((await ask()).body, 'ok');
});

/**
 * Connections that must fail: nothing of the request is sent, the client is not told the reason, and the log states it once with a remedy.
 */
t.test('untrusted and invalid targets are refused', async (t) => {
  for (const [name, options, terms, reason] of [
    ['a self-signed certificate', selfSigned, undefined, /self-signed certificate: to trust this certificate, give it as tls\.ca/],
    ['an unknown authority', here, undefined, /unable to (verify the first|get local issuer) certificate: .*tls\.ca/],
    ['an authority other than the one given', here, { ca: selfSigned.cert }, /certificate: .*tls\.ca/],
    ['a certificate for another name', elsewhere, { ca: authority }, /does not match .*127.*: .*tls\.serverName/],
    ['a serverName that the certificate does not have', here, { ca: authority, serverName: 'target.test' }, /does not match/],
    [
      'a server for HTTP/2 only',
      { ...here, ALPNProtocols: ['h2'] },
      { ca: authority },
      /no application protocol.*does not speak HTTP\/1\.1/,
    ],
    [
      'TLS 1.1',
      { ...here, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      { ca: authority },
      /protocol version|unsupported protocol/,
    ],
  ] as const) {
    await t.test(name, async (t) => {
      const target = await secureTarget(t, options);
      const { ask, lines, project } = await gateway(t, { url: target.url, ...(terms && { tls: terms }) });
      for (let turn = 0; turn < 2; turn++) {
        const answer = await ask();
        t.equal(statusOf(answer), 502);
        t.match(JSON.parse(answer.body), { code: 'connect-failed' });
        t.notMatch(answer.body, /certificate|127\.0\.0\.1|localhost/);
      }
      t.match(lines, [{ level: 40, target: `default ${target.url}`, outcome: 'connect-failed', reason }]);
      t.equal(lines.length, 1, 'logged once, however often it fails');
      const [upstream] = project.upstreams.values();
      t.match(upstream, { active: 0, pool: { open: 0 } });
    });
  }
  for (const [name, answer, reason] of [
    ['a server that speaks plain HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', /wrong version number: the server may speak plain HTTP/],
    ['a server that sends nothing', undefined, /closed before the connection was secured/],
    ['a record that breaks off', '\x16\x03\x03\x40\x00\x02', /closed before the connection was secured/],
    ['an alert', '\x15\x03\x03\x00\x02\x02\x28', /handshake failure/],
  ] as const) {
    await t.test(name, async (t) => {
      const server = await new RawServer().open();
      t.teardown(() => server.close());
      const { client, lines, project } = await gateway(t, { url: `https://127.0.0.1:${server.port}` });
      const asking = await client();
      asking.send(get);
      const refuse = async () => {
        const peer = await server.next();
        await peer.until('a hello', () => (peer.text.startsWith('\x16') ? true : undefined));
        t.notMatch(peer.text, 'GET ');
        if (answer !== undefined) await peer.sent(answer);
        peer.end();
      };
      await refuse();
      // A connection that is closed before it is secured is opened once more.
      if (/closed/.test(reason.source)) await refuse();
      t.equal(statusOf(await asking.message()), 502);
      t.match(lines, [{ outcome: 'connect-failed', reason }]);
      const [upstream] = project.upstreams.values();
      t.match(upstream, { active: 0, pool: { open: 0 } });
    });
  }
  await t.test('a server that speaks TLS, where the URL says http', async (t) => {
    const target = await secureTarget(t, here);
    const { ask, lines } = await gateway(t, { url: target.url.replace('https', 'http') });
    t.equal(statusOf(await ask()), 502);
    t.match(lines, [{ outcome: /reset|bad-response/ }]);
  });
});

t.test('a name other than the host is requested and checked', async (t) => {
  const target = await secureTarget(t, elsewhere);
  const { ask } = await gateway(t, { url: target.url, tls: { ca: authority, serverName: 'target.test' } });
  t.equal((await ask()).body, 'ok');
  t.match(target.seen, [{ name: 'target.test' }]);
});

t.test('no server name is sent for an IP address', async (t) => {
  const target = await secureTarget(t, here);
  if (!target.url.includes('127.0.0.1')) return t.pass('localhost is not 127.0.0.1 here');
  const { ask } = await gateway(t, { url: target.url, tls: { ca: authority } });
  t.equal((await ask()).body, 'ok');
  t.match(target.seen, [{ name: false }]);
});

t.test('with verify: false any certificate is accepted', async (t) => {
  const target = await secureTarget(t, selfSigned);
  const { ask } = await gateway(t, { url: target.url, tls: { verify: false } });
  t.equal((await ask()).body, 'ok');
});

t.test('later connections resume the session', async (t) => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const target = await secureTarget(
      t,
      { ...here, minVersion: version, maxVersion: version },
      ok.replace('\r\n', '\r\nConnection: close\r\n'),
    );
    const { ask } = await gateway(t, { url: target.url, tls: { ca: authority } });
    for (let turn = 0; turn < 3; turn++) t.equal((await ask()).body, 'ok');
    t.match(target.seen, [
      { protocol: version, resumed: false },
      { protocol: version, resumed: true },
      { protocol: version, resumed: true },
    ]);
  }
});

t.test('other protocols pass after an Upgrade', async (t) => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello';
  const target = await secureTarget(t, here, switching);
  const { client, lines } = await gateway(t, { url: target.url, tls: { ca: authority } });
  const peer = await client();
  peer.send(get.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'));
  t.equal(field(await peer.head(), 'upgrade'), 'x');
  await peer.take('hello');
  t.strictSame(lines, []);

  const refused = await secureTarget(t, selfSigned, switching);
  const other = await gateway(t, { url: refused.url, tls: { ca: authority } });
  const asking = await other.client();
  asking.send(get.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'));
  t.equal(statusOf(await asking.message()), 502);
  t.match(other.lines, [{ reason: /self-signed/ }]);
});

t.test('other TLS settings make other upstreams', async (t) => {
  const options = { origin: { epoch: 'e', variables: {} }, services: policyServices() };
  const compile = (tls: TargetInput['tls'], previous?: ReturnType<typeof compileProject>) =>
    compileProject(deployed({ name: 'p', targets: { default: { url: 'https://a.test', ...(tls && { tls }) } } }), { ...options, previous });
  const first = compile({ ca: authority });
  const [upstream] = first.upstreams.values();
  t.equal([...compile({ ca: authority }, first).upstreams.values()][0], upstream);
  t.not([...compile({ ca: authority, verify: false }, first).upstreams.values()][0], upstream);
  t.not([...compile(undefined, first).upstreams.values()][0], upstream);
});

t.test('invalid TLS settings', async (t) => {
  const faults = (target: TargetInput, variables = {}) => {
    try {
      compileProject(deployed({ name: 'p', targets: { default: target } }), {
        origin: { epoch: 'e', variables },
        services: policyServices(),
      });
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const url = 'https://a.test';
  t.match(faults({ url, tls: { ca: 'ca.pem' } }), /PEM/);
  t.match(faults({ url, tls: { ca: authority.replace('MII', 'MIX') } }), /PEM/);
  t.match(faults({ url, tls: { ca: here.key } }), /PEM/);
  t.match(faults({ url, tls: { ca: '${variables.none}' } }), /targets\.default\.tls\.ca: .*no variable "none"/);
  t.match(faults({ url, tls: { ca: '${variables.ca}' } }, { ca: 'nothing' }), /targets\.default\.tls\.ca: .*PEM/);
  t.match(faults({ url: 'http://a.test', tls: { verify: false } }), /targets\.default\.tls: has no effect/);
  t.match(faults({ url, tls: { serverName: 'a b' } }), /host name/);
});
