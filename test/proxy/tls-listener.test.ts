import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { environmentSpec } from '../../src/model/environment.ts';
import { proxyHeader } from '../../src/model/proxy-protocol.ts';
import { failedHandshakes } from '../../src/tls/failed-handshakes.ts';
import type { ListenerTls } from '../../src/tls/listener-tls.ts';
import { ticketKey } from '../../src/tls/ticket-key.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { passTimeUntil } from '../tools/pass-time.ts';
import { open, pair, settings } from '../tools/tls-listener.ts';

const run = promisify(execFile);
const { timeouts } = environmentSpec.parse({});

/** One request on its own connection; resolves with what came and what the connection was. */
async function get(port: number, options: tls.ConnectionOptions & { host?: string; path?: string; headers?: Record<string, string> }) {
  const asked = request({ host: '127.0.0.1', port, agent: false, path: '/', ...options } as object);
  asked.end();
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  const socket = response.socket as tls.TLSSocket;
  const about = { protocol: socket.getProtocol(), alpn: socket.alpnProtocol, names: socket.getPeerCertificate().subjectaltname };
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode, body, ...about };
}

t.test('clients of every kind are served over TLS 1.2 and 1.3 with checked certificates', async (t) => {
  const made = new CertificateFolder(t);
  const ca = made.root.certificate;
  const { port, records } = await open(t, settings([made.issue({ names: ['localhost', '127.0.0.1'] })]));
  for (const version of ['1.2', '1.3']) {
    const { stdout } = await run('curl', [
      '-sS',
      '--noproxy',
      '*',
      '--cacert',
      ca,
      `--tlsv${version}`,
      '--tls-max',
      version,
      `https://localhost:${port}/curl`,
    ]);
    t.equal(stdout, '/curl', `curl, TLS ${version}`);
    const said = await run('sh', [
      '-c',
      `printf 'GET /openssl HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -ign_eof -verify_return_error -CAfile '${ca}' -servername localhost -alpn http/1.1 -tls${version.replace('.', '_')} -connect 127.0.0.1:${port}`,
    ]);
    t.match(said.stdout, /^HTTP\/1.1 200 [\s\S]*\/openssl$/, `openssl, TLS ${version}`);
  }
  const python = `import ssl,urllib.request as u
print(u.urlopen('https://localhost:${port}/python', context=ssl.create_default_context(cafile='${ca}')).read().decode())`;
  t.equal((await run('python3', ['-c', python])).stdout.trim(), '/python');
  const root = readFileSync(ca, 'utf8');
  t.match(
    await get(port, {
      ca: root,
      servername: 'localhost',
      path: '/node',
      headers: { host: 'localhost' },
      ALPNProtocols: ['h2', 'http/1.1'],
    }),
    {
      status: 200,
      body: '/node',
      protocol: 'TLSv1.3',
      alpn: 'http/1.1',
    },
  );
  t.ok(records.length === 6 && records.every(({ scheme }) => scheme === 'https'), 'the log says https');
});

t.test('the certificate is chosen by name, and a request for a host that it does not cover is misdirected', async (t) => {
  const made = new CertificateFolder(t);
  const [first, other, wild] = [
    made.issue({ names: ['first.example', 'second.example'] }),
    made.issue({ names: ['other.example'] }),
    made.issue({ names: ['*.wild.example'] }),
  ];
  const { port } = await open(t, settings([first, other, wild]));
  const ask = (servername: string, host: string) => get(port, { servername, rejectUnauthorized: false, headers: { host } });
  for (const [servername, host, status, names] of [
    ['first.example', 'first.example', 200, /first/],
    ['first.example', `second.example:${port}`, 200, /first/],
    ['other.example', 'OTHER.example', 200, /other/],
    ['a.wild.example', 'b.wild.example', 200, /wild/],
    ['other.example', 'first.example', 421, /other/],
    ['first.example', 'a.wild.example', 421, /first/],
    ['a.wild.example', 'a.b.wild.example', 421, /wild/],
    ['first.example', '127.0.0.1', 421, /first/],
    ['none.example', 'none.example', 421, /first/],
    ['', '127.0.0.1', 200, /first/],
    ['', 'first.example', 200, /first/],
    ['', 'other.example', 421, /first/],
  ] as const)
    t.match(await ask(servername, host), { status, names }, `${servername || 'no name'}, then Host ${host}`);
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'other.example', rejectUnauthorized: false });
  socket.end('GET https://other.example/absolute HTTP/1.1\r\nHost: x\r\n\r\n');
  let said = '';
  for await (const piece of socket) said += piece;
  t.match(said, /^HTTP\/1.1 200 [\s\S]*\/absolute$/, 'https targets in absolute form are served');
});

t.test('old versions, weak ciphers, unknown protocols and renegotiation are refused', async (t) => {
  const made = new CertificateFolder(t);
  const certificate = made.issue({ names: ['a.example'], rsa: true });
  const { port } = await open(t, settings([certificate]));
  const strict = await open(t, settings([certificate], {}, { minVersion: '1.3' }));
  const connect = (options: tls.ConnectionOptions) =>
    new Promise<tls.TLSSocket | Error>((resolve) => {
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => resolve(socket));
      socket.on('error', resolve);
      t.teardown(() => socket.destroy());
    });
  for (const refused of [
    { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' },
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA256' },
    { ALPNProtocols: ['h2'] },
    { port: strict.port, maxVersion: 'TLSv1.2' },
  ] as const)
    t.ok((await connect(refused)) instanceof Error, JSON.stringify(refused));
  const own = (await connect({
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256',
  })) as tls.TLSSocket;
  t.equal(own.getCipher().standardName, 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', "the server's order counts");
  const again = new Promise((resolve) => own.renegotiate({ rejectUnauthorized: false }, resolve)).catch((error: Error) => error);
  own.on('error', () => {});
  const outcome = await Promise.race([
    again,
    once(own, 'close').then(
      () => new Error('closed'),
      (error: Error) => error,
    ),
  ]);
  t.ok(outcome instanceof Error, 'renegotiation fails');
});

t.test('sessions resume by ticket at another listener of the same key, after new certificates too, and at no other', async (t) => {
  const made = new CertificateFolder(t);
  const given = settings([made.issue({ names: ['a.example'] })]);
  const [one, same] = [await open(t, given), await open(t, given)];
  const environments = [{ name: 'elsewhere', hosts: [], ticketKey: ticketKey(Buffer.alloc(32, 1), 'elsewhere') }];
  const other = await open(t, { ...given, tls: { ...(given.tls as ListenerTls), environments } });
  const session = async (port: number, maxVersion: 'TLSv1.2' | 'TLSv1.3', given?: Buffer) => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'a.example',
      rejectUnauthorized: false,
      maxVersion,
      ...(given && { session: given }),
    });
    const told = once(socket, 'session') as Promise<[Buffer]>;
    await once(socket, 'secureConnect');
    const reused = socket.isSessionReused();
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await once(socket, 'data');
    const [made] = given === undefined ? await told : [given];
    socket.destroy();
    return { reused, made };
  };
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { made: ticket, reused } = await session(one.port, version);
    t.notOk(reused);
    t.ok((await session(same.port, version, ticket)).reused, `${version}: at another process of the listener`);
    t.notOk((await session(other.port, version, ticket)).reused, `${version}: not at another listener`);
    same.listener.update(settings([made.issue({ names: ['a.example'] })]));
    t.ok((await session(same.port, version, ticket)).reused, `${version}: after a reload`);
  }
});

t.test('sessions never pass between environments of one listener, and resume within each', async (t) => {
  const made = new CertificateFolder(t);
  const certificates = [made.issue({ names: ['a.example', 'b.example', 'c.b.example'] }), made.issue({ names: ['d.example'] })];
  const environments = [
    { name: 'rest', hosts: [], ticketKey: ticketKey(Buffer.alloc(32, 1), 'rest') },
    { name: 'b', hosts: ['b.example', '*.b.example', 'd.example'], ticketKey: ticketKey(Buffer.alloc(32, 1), 'b') },
  ];
  const { port } = await open(t, settings(certificates, {}, { environments }));
  const folder = ownFolder(t);
  const connect = async (version: string, name: string, ...more: string[]) => {
    const request = `GET / HTTP/1.1\\r\\nHost: ${name}\\r\\nConnection: close\\r\\n\\r\\n`;
    const client = `openssl s_client -ign_eof -connect 127.0.0.1:${port} -${version} -servername ${name} ${more.join(' ')}`;
    const { stdout } = await run('sh', ['-c', `printf '${request}' | ${client} 2>&1`]);
    return { resumed: /^Reused, /m.test(stdout), status: /HTTP\/1.1 (\d+)/.exec(stdout)?.[1] };
  };
  for (const version of ['tls1_2', 'tls1_3']) {
    for (const [first, then, resumed] of [
      ['a.example', 'a.example', true],
      ['b.example', 'b.example', true],
      ['d.example', 'd.example', true],
      ['b.example', 'c.b.example', true],
      ['a.example', 'b.example', false],
      ['b.example', 'a.example', false],
      ['a.example', 'd.example', false],
      ['d.example', 'a.example', false],
    ] as const) {
      const session = join(folder, `${version}-${first}-${then}`);
      t.match(await connect(version, first, '-sess_out', session), { resumed: false, status: '200' }, `${version} ${first}`);
      t.match(await connect(version, then, '-sess_in', session), { resumed, status: '200' }, `${version} ${first}, then ${then}`);
    }
  }
  const session = join(folder, 'retry');
  await connect('tls1_3', 'a.example', '-sess_out', session);
  const retried = await connect('tls1_3', 'b.example', '-sess_in', session, '-groups', 'P-521:P-384');
  t.match(retried, { resumed: false, status: '200' }, 'after a HelloRetryRequest');
});

t.test('handshakes under way count as connections, end at their deadline, and bad clients make one line of the log', async (t) => {
  const made = new CertificateFolder(t);
  const lines: [object, string][] = [];
  failedHandshakes.log = { warn: (...line) => void lines.push(line) };
  t.teardown(() => {
    failedHandshakes.log = undefined;
  });
  const { port, listener } = await open(
    t,
    settings([made.issue({ names: ['a.example'] })], { timeouts: { ...timeouts, requestHead: 10_000 }, connections: 2 }),
  );
  const silent = [1, 2, 3].map(() => net.connect(port, '127.0.0.1'));
  const closed = silent.map((socket) => once(socket.on('error', () => {}).resume(), 'close'));
  await eventually(
    () => listener.connections,
    (count) => count === 2,
    { what: 'the silent connections to be counted, no more than allowed' },
  );
  await passTimeUntil(Promise.all(closed), 10_000);
  for (const octets of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\x00\x05hello'] as const) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    let said = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      said += text;
    });
    socket.write(octets);
    await once(socket, 'close');
    if (octets.startsWith('GET')) t.match(said, /^HTTP\/1.1 400 [\s\S]*https-only/, 'a client without TLS is told');
  }
  await eventually(
    () => listener.connections,
    (count) => count === 0,
    { what: 'the bad connections to be gone' },
  );
  t.equal(lines.length, 1, 'one line for all of them');
  t.match(lines[0], [{ failed: Number, client: '127.0.0.1', reason: String }, /TLS handshakes of clients failed/]);
  t.equal(
    (await get(port, { servername: 'a.example', rejectUnauthorized: false, headers: { host: 'a.example' } })).status,
    200,
    'good clients are served',
  );
});

t.test('a connection that ends within its ClientHello is closed', async (t) => {
  const made = new CertificateFolder(t);
  const { listener, port } = await open(t, settings([made.issue({ names: ['a.example'] })]));
  const gone = net.connect(port, '127.0.0.1');
  gone.end(Buffer.from([22, 3, 1, 1, 0, 1, 0]));
  await once(gone.resume(), 'close');
  await eventually(
    () => listener.connections,
    (open) => open === 0,
    { what: 'a connection that ends within its ClientHello to be gone' },
  );
});

t.test('a header of the PROXY protocol comes before the handshake', async (t) => {
  const made = new CertificateFolder(t);
  const ca = readFileSync(made.root.certificate, 'utf8');
  const certificates = [made.issue({ names: ['localhost'] })];
  const { listener, port, records } = await open(t, settings(certificates, { proxyProtocol: ['127.0.0.1'] }));
  const ends = { source: '192.0.2.7', sourcePort: 4711, destination: '198.51.100.1', destinationPort: 443 };
  const header = proxyHeader('v2', ends);
  for (const [how, cut] of [
    ['in one piece with the ClientHello', 0],
    ['alone', header.length],
    ['in two pieces', 9],
  ] as const) {
    const raw = net.connect(port, '127.0.0.1');
    await once(raw, 'connect');
    raw.setNoDelay(true);
    // A relay gives the octets of the TLS client to the connection, behind the header.
    const [near, far] = await pair(t);
    const client = tls.connect({ socket: near, servername: 'localhost', ca });
    const [hello] = (await once(far, 'data')) as [Buffer];
    const octets = Buffer.concat([header, hello]);
    if (cut > 0) raw.write(octets.subarray(0, cut));
    await new Promise(setImmediate);
    raw.write(octets.subarray(cut));
    far.pipe(raw).pipe(far);
    await once(client, 'secureConnect');
    client.write('GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    let seen = '';
    for await (const piece of client) seen += piece;
    t.match(seen, /^HTTP\/1\.1 200 OK\r\n/, how);
    raw.destroy();
  }
  t.strictSame(
    records.map(({ client }) => client),
    [ends.source, ends.source, ends.source],
  );
  const without = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
  await t.rejects(once(without, 'secureConnect'));
  await eventually(
    () => listener.connections,
    (open) => open === 0,
  );
});
