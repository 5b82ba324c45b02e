import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import type tls from 'node:tls';
import t, { test } from 'tap';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import { adminToken, operate, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { ask, startForwarded } from './tls-client.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 4;

for (const workers of [0, 2]) {
  test(`environments share a listener with TLS, each with its certificate, and files that change are used (workers: ${workers})`, async (t) => {
    const made = new CertificateFolder(t);
    const ca = readFileSync(made.root.certificate);
    const folder = ownFolder(t);
    const put = (name: string, from: { certificate: string; key: string }) => {
      cpSync(from.certificate, join(folder, `${name}.pem`));
      cpSync(from.key, join(folder, `${name}.key`));
    };
    put('shop', made.issue({ names: ['shop.example'] }));
    put('blog', made.issue({ names: ['*.blog.example'], rsa: true }));
    const servers = [{ id: 'old', address: await startForwarded(t) }];
    const listen = `127.0.0.1:${await freePort()}`;
    const environment = (hosts: string[], name: string) => ({
      ...{ listen, hosts, health: 'off', servers: servers.map((server) => ({ ...server, id: name })) },
      tls: { certificates: [{ certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }] },
    });
    const environments = { production: environment(['shop.example'], 'shop'), blog: environment(['*.blog.example'], 'blog') };
    const balancer = await startBalancer(t, { workers, accessLog: true }, environments);
    const shop = await ask(listen, 'shop.example', { ca });
    t.equal(shop.status, 200);
    t.match(JSON.parse(shop.body), { 'x-forwarded-proto': 'https', 'x-forwarded-host': /^shop.example/ });
    t.match(await ask(listen, 'a.blog.example', { ca }), { status: 200, names: 'DNS:*.blog.example' });
    await balancer.process.printed((text) => (/"scheme":"https"/.test(text) ? text : undefined));

    const kept = new https.Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => kept.destroy());
    await ask(listen, 'shop.example', { ca, agent: kept });
    const before = readFileSync(join(folder, 'shop.key'), 'utf8');
    writeFileSync(join(folder, 'shop.key'), 'nothing');
    await balancer.process.logged(({ msg = '' }) => msg.includes('shop.key holds no private key') && msg.includes('stays in use'));
    t.equal((await ask(listen, 'shop.example', { ca })).status, 200, 'a faulty file changes nothing');
    t.match((await operate(t, balancer, 'status')).out, /shop\.key holds no private key.*read before stays in use, and is valid until 20/s);
    put('shop', made.issue({ names: ['shop.example', 'new.shop.example'] }));
    await balancer.process.logged(({ msg = '' }) => msg.startsWith('certificate replaced'));
    await eventually(
      () => ask(listen, 'shop.example', { ca }),
      ({ names }) => names.includes('new.shop.example'),
      { what: 'the new certificate' },
    );
    t.notMatch((await ask(listen, 'shop.example', { ca, agent: kept })).names, /new/, 'the connection that was open is kept');
    const said = JSON.stringify(balancer.process.log) + balancer.process.stdout;
    t.notOk(said.includes('PRIVATE KEY') || said.includes(before.split('\n')[1] as string), 'no key is logged');

    const faulty = { ...environments.blog, tls: { certificates: [{ certificate: '/none.pem', key: '/none.key' }] } };
    await t.rejects(balancer.api('PUT', '/v1/environments/blog', faulty), /422 .*tls.certificates.0.certificate.*\/none.pem/);
    writeFileSync(
      join(balancer.folder, 'sluice.json'),
      JSON.stringify({ control: { listen: '127.0.0.1:0' }, workers, accessLog: true, environments: { ...environments, blog: faulty } }),
    );
    balancer.process.signal('SIGHUP');
    await balancer.process.logged(({ msg = '' }) => msg.includes('cannot read /none.pem'));
    t.equal((await ask(listen, 'a.blog.example', { ca })).status, 200, 'a reload with a faulty file changes nothing');
  });
}

test('config check and start refuse certificates that cannot be used, and TLS beside plain on one address', async (t) => {
  const made = new CertificateFolder(t);
  const [one, other] = [made.issue({ names: ['a.example'] }), made.issue({ names: ['a.example'], until: '20250101000000Z' })];
  const folder = ownFolder(t);
  cpSync(one.certificate, join(folder, 'a.pem'));
  cpSync(other.key, join(folder, 'other.key'));
  const check = async (environments: object, command = ['config', 'check', 'sluice.json']) => {
    writeFileSync(join(folder, 'sluice.json'), JSON.stringify({ control: { listen: '127.0.0.1:0' }, environments }));
    const checked = SluiceProcess.start(t, command, { folder: ownFolder(t), env: { SLUICE_ADMIN_TOKEN: adminToken } });
    const status = await checked.ended();
    return { status, said: checked.stdout + checked.log.map(({ msg }) => msg).join('\n') };
  };
  const file = join(folder, 'sluice.json');
  const cases: [object, RegExp][] = [
    [{ a: { tls: { certificates: [{ certificate: 'a.pem', key: 'other.key' }] } } }, /certificates.0.key.*other.key does not fit/],
    [{ a: { tls: { certificates: [] } } }, /certificates.*at least 1/],
    [
      { a: { tls: { certificates: [one], clientCertificates: { ca: 'none.pem' } } } },
      /clientCertificates.ca.*cannot read .*none.pem: there is no such file/,
    ],
    [
      { a: { tls: { certificates: [one], clientCertificates: { ca: one.certificate } } } },
      /clientCertificates.ca.*not the certificate of an authority/,
    ],
    [{ a: { tls: { certificates: [one], clientCertificates: { ca: one.key } } } }, /clientCertificates.ca.*holds no certificate/],
    [{ a: { tls: { certificates: [one], clientCertificates: {} } } }, /clientCertificates.ca/],
    [{ a: { tls: { certificates: [one], minVersion: '1.1' } } }, /minVersion.*must be "1.2" or "1.3"/],
    [{ a: { hosts: ['a.example'], tls: { certificates: [one] } }, b: {} }, /b.tls.* is missing, but "a" on the same listener .* has TLS/],
    [
      { a: { hosts: ['a.example'], tls: { certificates: [one] } }, b: { tls: { certificates: [one], minVersion: 1.3 } } },
      /b.tls.minVersion/,
    ],
  ];
  const outdated = { a: { tls: { certificates: [other] } } };
  const refused = await check(outdated, ['config', 'check', file]);
  t.match(refused, { status: 1, said: /certificates.0.certificate.*has expired/ });
  const excused = await check(outdated, ['config', 'check', '--ignore-dates', file]);
  t.match(excused, { status: 0, said: /warning: environments.a.tls.certificates.0.certificate: .*has expired/ });
  for (const [environments, reason] of cases) {
    for (const command of [
      ['config', 'check', file],
      ['serve', '--config', file],
    ]) {
      const { status, said } = await check(environments, command);
      t.equal(status, 1, `${command[0]}: ${reason}`);
      t.match(said, reason);
    }
  }
  t.equal((await check({ a: { tls: { certificates: [one], minVersion: 1.3 } } }, ['config', 'check', file])).status, 0);
  const wide = made.issue({ names: ['*.w.example', 'x.y.example'] });
  const hosts = ['*.w.example', '*.y.example', '*.z.example', 'x.y.example', 'z.example'];
  const warned = await check({ a: { hosts, tls: { certificates: [wide] } } }, ['config', 'check', file]);
  t.equal(warned.status, 0);
  const lines = warned.said.split('\n').filter((line) => line.startsWith('warning: environments.a.hosts: '));
  t.match(lines, [
    /"\*\.w\.example" means all names below w\.example/,
    /only some names of "\*\.y/,
    /no certificate covers "\*\.z/,
    /no certificate covers "z\./,
  ]);
  t.equal(lines.length, 4);
});

test('browsers are told of https by answers of Sluice too, and sticky cookies are for https only', async (t) => {
  const made = new CertificateFolder(t);
  const environment = {
    ...{ listen: '127.0.0.1:0', health: 'off', hosts: ['a.example'], sticky: { cookie: 'sid', maxAge: '1h', sameSite: 'Strict' } },
    tls: { certificates: [made.issue({ names: ['a.example', 'free.example'] })], hsts: '1h' },
  };
  const started = async (servers: object[]) => (await startBalancer(t, {}, { production: { ...environment, servers } })).address;
  const serving = await started([{ id: 'one', address: await startForwarded(t) }]);
  const failing = await started([{ id: 'dead', address: `127.0.0.1:${await freePort()}` }]);
  const empty = await started([]);
  const ca = readFileSync(made.root.certificate);
  for (const [address, path, status, host = 'a.example'] of [
    [serving, '/', 200],
    [failing, '/', 502],
    [empty, '/', 503],
    [serving, '/%2esluice/x', undefined],
    [serving, '/', 404, 'free.example'],
    [serving, '/', 421, 'other.example'],
    [serving, '/', 400, 'a b'],
  ] as const) {
    const to = {
      host: '127.0.0.1',
      port: address.split(':')[1],
      servername: 'a.example',
      headers: { host },
      ca,
      agent: false as const,
    };
    const [response] = (await once(https.get({ ...to, path }), 'response')) as [http.IncomingMessage];
    response.resume();
    if (status !== undefined) t.equal(response.statusCode, status);
    t.equal(response.headers['strict-transport-security'], 'max-age=3600', `${response.statusCode} of ${path}`);
    if (status === 200) t.match(response.headers['set-cookie'], [/^sid=[^;]*; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure$/]);
  }
});

for (const workers of [0, 1]) {
  test(`plain requests are redirected to https, which is told to browsers, and expiry is shown (workers: ${workers})`, async (t) => {
    const made = new CertificateFolder(t);
    const soon = new Date(Date.now() + 3.5 * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');
    const files = made.issue({ names: ['a.example'], until: soon });
    const redirectFrom = `127.0.0.1:${await freePort()}`;
    const certificates = [{ certificate: files.certificate, key: files.key }];
    const environment = { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 'one', address: await startForwarded(t) }] };
    const balancer = await startBalancer(
      t,
      { workers },
      { production: { ...environment, tls: { certificates, redirectFrom, hsts: '1h' } } },
    );
    const port = balancer.address.split(':')[1];
    const redirected = async (method: string, host: string, path: string) => {
      const asked = http.request({ host: '127.0.0.1', port: redirectFrom.split(':')[1], method, path, headers: { host }, agent: false });
      asked.end();
      const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
      response.resume();
      return [response.statusCode, response.headers.location];
    };
    t.strictSame(await redirected('GET', 'a.example:80', '/x?y=1'), [308, `https://a.example:${port}/x?y=1`]);
    t.strictSame(await redirected('POST', 'a.example', '/'), [308, `https://a.example:${port}/`]);
    const ca = readFileSync(made.root.certificate);
    const asked = https.get({ host: '127.0.0.1', port, servername: 'a.example', headers: { host: 'a.example' }, ca, agent: false });
    const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
    response.resume();
    t.equal(response.headers['strict-transport-security'], 'max-age=3600');
    const changed = { ...environment, tls: { certificates, redirectFrom, publicPort: 443 } };
    await balancer.api('PUT', '/v1/environments/production', changed);
    await eventually(
      () => redirected('GET', 'a.example', '/x'),
      ([, location]) => location === 'https://a.example/x',
      { what: 'the public port in redirects' },
    );
    const [shown] = (await balancer.api('GET', '/v1/environments')) as { status: { certificates: unknown[] }; tls: unknown }[];
    t.match(shown?.status.certificates, [{ certificate: files.certificate, names: ['a.example'], until: Number }]);
    t.match(shown?.tls, { minVersion: '1.2', hsts: '0s', publicPort: 443 });
    t.match((await operate(t, balancer, 'status')).out, /certificate .* expires in 3 days: renew it/);
    const metrics = await (await fetch(`${balancer.control}/metrics`)).text();
    t.match(metrics, /sluice_certificate_expiry_timestamp_seconds\{certificate=".*"\} \d{10}/);
    await balancer.api('PUT', '/v1/environments/production', { ...environment, tls: { certificates } });
    await eventually(
      () => redirected('GET', 'a.example', '/x').catch((error: NodeJS.ErrnoException) => error.code),
      (outcome) => outcome === 'ECONNREFUSED',
      { what: 'the redirecting listener to close' },
    );
  });
}

test('the control address speaks https: gateway servers and commands check its certificate and name', async (t) => {
  const made = new CertificateFolder(t);
  const inFiveDays = new Date(Date.now() + 5.5 * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');
  const files = made.issue({ names: ['127.0.0.1'], until: inFiveDays });
  const live = { certificate: join(ownFolder(t), 'c.pem'), key: join(ownFolder(t), 'c.key') };
  const put = ({ certificate, key }: { certificate: string; key: string }) => {
    cpSync(certificate, live.certificate);
    cpSync(key, live.key);
  };
  put(files);
  const balancer = await startBalancer(t, { control: { listen: '127.0.0.1:0', tls: live } });
  t.match(balancer.control, /^https:/);
  const ca = ['--ca', made.root.certificate];
  t.match((await operate(t, balancer, 'status', ...ca)).out, /^control address: certificate .*c\.pem expires in 5 days: renew it$/m);
  await startGateway(t, 'trusting', balancer.control, ['--environment', 'production', ...ca]);
  await eventually(
    () => operate(t, balancer, 'status', ...ca),
    ({ out }) => /trusting .*ready/.test(out),
    { what: 'the gateway server to join over wss' },
  );
  await startGateway(t, 'by-variable', balancer.control, ['--environment', 'production'], {
    variables: { SLUICE_CA: made.root.certificate },
  });
  await eventually(
    () => operate(t, balancer, 'server', 'list', ...ca),
    ({ out }) => /by-variable .*ready/.test(out),
    { what: 'the gateway server with SLUICE_CA to join' },
  );
  const suspicious = await startGateway(t, 'suspicious', balancer.control, [
    '--environment',
    'production',
    '--ca',
    new CertificateFolder(t).root.certificate,
  ]);
  await suspicious.logged(
    (line) => /cannot be reached/.test(String(line.msg)) && /certificate|SELF_SIGNED|UNABLE_TO/.test(JSON.stringify(line)),
  );
  const named = balancer.control.replace('127.0.0.1', 'localhost');
  const misled = await startGateway(t, 'misled', named, ['--environment', 'production', ...ca]);
  await misled.logged((line) => /cannot be reached/.test(String(line.msg)) && /altnames|ALTNAME/.test(JSON.stringify(line)));
  const refused = await operate(t, balancer, 'status');
  t.equal(refused.status, 1);
  t.match(refused.err, /is not believed \(\S+\): .*--ca or SLUICE_CA/);
  t.match((await operate(t, balancer, 'status', '--ca', '/none.pem')).err, /--ca: \/none.pem cannot be read \(ENOENT\)/);
  t.match(
    (await operate(t, balancer, 'status', '--ca', made.root.certificate, '--control', named)).err,
    /is not believed \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
  );
  await t.rejects(fetch(balancer.control.replace('https:', 'http:')), 'plain requests get no answer');
  put(made.issue({ names: ['127.0.0.1', 'localhost'] }));
  await eventually(
    () => operate(t, balancer, 'status', ...ca, '--control', named),
    ({ status }) => status === 0,
    { what: 'the new certificate of the control address' },
  );
  t.notMatch((await operate(t, balancer, 'status', ...ca)).out, /control address/, 'nothing is wrong with it');
});

test('upgrades, large uploads and slow readers go over TLS unharmed', async (t) => {
  const made = new CertificateFolder(t);
  const body = randomBytes(8 * 1024 * 1024);
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') response.end(body);
    else request.pipe(response);
  });
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.on('error', () => {}).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const servers = [{ id: 'one', address: `127.0.0.1:${(server.address() as { port: number }).port}` }];
  const environment = { listen: '127.0.0.1:0', health: 'off', servers, tls: { certificates: [made.issue({ names: ['a.example'] })] } };
  const { address } = await startBalancer(t, {}, { production: environment });
  const to = {
    host: '127.0.0.1',
    port: address.split(':')[1],
    servername: 'a.example',
    ca: readFileSync(made.root.certificate),
    agent: false as const,
  };
  const headers = { host: 'a.example' };
  const [upgraded, socket] = (await once(
    https.get({ ...to, headers: { ...headers, connection: 'Upgrade', upgrade: 'echo' } }),
    'upgrade',
  )) as [http.IncomingMessage, tls.TLSSocket];
  t.equal(upgraded.statusCode, 101);
  for (const said of ['hello', 'x'.repeat(100_000)]) {
    socket.write(said);
    let heard = '';
    while (heard.length < said.length) heard += String((await once(socket, 'data'))[0]);
    t.ok(heard === said, `${said.length} octets are echoed by the tunnel`);
  }
  socket.end();
  await once(socket.resume(), 'close');
  const read = async (request: http.ClientRequest) => {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const pieces: Buffer[] = [];
    // Each piece is taken only once the one before has been processed, so that the sender has to wait.
    for await (const piece of response) {
      pieces.push(piece as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return Buffer.concat(pieces);
  };
  t.ok(body.equals(await read(https.get({ ...to, headers }))), 'a download');
  const upload = https.request({ ...to, method: 'POST', headers: { ...headers, 'content-length': body.length } });
  upload.end(body);
  t.ok(body.equals(await read(upload)), 'an upload that is echoed');
});
