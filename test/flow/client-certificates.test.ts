import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import t, { test } from 'tap';
import { CertificateFolder, type IssuedCertificate, textsOf } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { operate, startBalancer, startGateway } from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 3;

const run = promisify(execFile);
const pem = (file: string) => readFileSync(file, 'utf8');
/** Value of Client-Cert for a certificate (RFC 9440 section 2.2). */
const fieldOf = ({ certificate }: IssuedCertificate) => `:${pem(certificate).replace(/-----[A-Z ]+-----|\s/g, '')}:`;

/** A server that answers with all lines it got, trailers included; an upgrade gets them in a field. */
async function startEcho(owner: Owner): Promise<string> {
  const server = http.createServer(async (request, response) => {
    for await (const _ of request);
    response.end(JSON.stringify([...request.rawHeaders, ...request.rawTrailers]));
  });
  server.on('upgrade', (request, socket) => {
    socket.end(
      `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nx-cert: ${request.headers['client-cert']}\r\n\r\nthrough the tunnel`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.teardown(() => void server.close());
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly reused: boolean;
}

async function ask(address: string, host: string, options: https.RequestOptions = {}): Promise<Answer> {
  const port = Number(address.split(':')[1]);
  const headers = { host, ...options.headers };
  const asked = https.request({
    ...{ host: '127.0.0.1', port, servername: host, agent: false, rejectUnauthorized: false, ...options, headers },
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
  const reused = (response.socket as tls.TLSSocket).isSessionReused();
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode, body, reused };
}

/** All that comes back for these octets. */
async function send(socket: net.Socket, octets: string): Promise<string> {
  socket.end(octets);
  let said = '';
  for await (const piece of socket) said += piece;
  return said;
}

function linesNamed(body: string, name: RegExp): string[] {
  const raw = JSON.parse(body) as string[];
  return raw.filter((_, at) => at % 2 === 1 && name.test(raw[at - 1] as string));
}

const certLines = (body: string) => linesNamed(body, /^client.cert/i);

for (const workers of [0, 2]) {
  test(`environments on one address each demand certificates of their own authorities (workers: ${workers})`, async (t) => {
    // Both roots have the same name, so that only signatures tell them apart.
    const [made, other] = [new CertificateFolder(t), new CertificateFolder(t)];
    const between = made.issue({ names: ['Between'], authority: true });
    const chained = made.issue({ names: ['chained'], by: between });
    const clients = {
      one: made.issue({ names: ['one'] }),
      two: other.issue({ names: ['two'] }),
      chained: { certificate: made.chain(chained, between), key: chained.key },
      orphan: chained,
      expired: made.issue({ names: ['expired'], until: '20210101000000Z' }),
      stranger: new CertificateFolder(t).issue({ names: ['stranger'] }),
    };
    const server = made.issue({ names: ['one.example', 'two.example', 'maybe.example', 'open.example'] });
    const listen = `127.0.0.1:${await freePort()}`;
    const address = await startEcho(t);
    const environment = (name: string, clientCertificates?: object) => ({
      ...{ listen, hosts: [`${name}.example`], health: 'off', servers: [{ id: name, address }], underscores: 'keep' },
      tls: { certificates: [server], ...(clientCertificates && { clientCertificates }) },
    });
    await startBalancer(
      t,
      { workers },
      {
        production: environment('one', { ca: made.root.certificate }),
        two: environment('two', { ca: other.root.certificate }),
        maybe: environment('maybe', { ca: made.root.certificate, require: false }),
        open: environment('open'),
      },
    );
    const cases: [keyof typeof clients | 'none', string, number, string?][] = [
      ['one', 'one', 200],
      ['one', 'two', 400, 'client-certificate-refused'],
      ['one', 'maybe', 200],
      ['one', 'open', 200],
      ['two', 'one', 400, 'client-certificate-refused'],
      ['two', 'two', 200],
      ['two', 'maybe', 400, 'client-certificate-refused'],
      ['chained', 'one', 200],
      ['chained', 'two', 400, 'client-certificate-refused'],
      ['orphan', 'one', 400, 'client-certificate-refused'],
      ['expired', 'one', 400, 'client-certificate-refused'],
      ['expired', 'maybe', 400, 'client-certificate-refused'],
      ['stranger', 'one', 400, 'client-certificate-refused'],
      ['stranger', 'two', 400, 'client-certificate-refused'],
      ['stranger', 'open', 200],
      ['none', 'one', 400, 'client-certificate-missing'],
      ['none', 'two', 400, 'client-certificate-missing'],
      ['none', 'maybe', 200],
      ['none', 'open', 200],
    ];
    const forged = { 'Client-Cert': ':Zm9yZ2Vk:', 'client-CERT-chain': ':Zm9yZ2Vk:', Client_Cert: ':Zm9yZ2Vk:', 'Client_Cert-Chain': 'x' };
    for (const [client, name, status, code] of cases) {
      const files = client === 'none' ? {} : textsOf(clients[client]);
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const answer = await ask(listen, `${name}.example`, { ...files, maxVersion, headers: forged });
        const what = `${client} at ${name}, ${maxVersion}`;
        t.equal(answer.status, status, what);
        if (code !== undefined) t.match(JSON.parse(answer.body), { status, code }, what);
        else if (client === 'none' || name === 'open') t.same(certLines(answer.body), [], `${what}: no field`);
        else t.same(certLines(answer.body), [fieldOf(client === 'chained' ? chained : clients[client])], `${what}: one field`);
      }
    }
    const { one, two } = clients;
    t.equal((await ask(listen, 'one.example', { ...textsOf(one), servername: 'two.example' })).status, 200, 'Host decides, not the name');
    t.equal((await ask(listen, 'one.example', { ...textsOf(two), servername: 'two.example' })).status, 400);

    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { session } = await sessionOf(t, listen, { ...textsOf(two), servername: 'two.example', maxVersion: version });
      const again = await ask(listen, 'one.example', { ...(session && { session }), maxVersion: version });
      t.match(again, { status: 400, reused: false }, `${version}: no session passes from one authority to another`);
    }
  });
}

/** One request, and the session that it leaves. */
async function sessionOf(t: Owner, address: string, options: tls.ConnectionOptions): Promise<{ session?: Buffer }> {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), rejectUnauthorized: false, ...options });
  t.teardown(() => void socket.destroy());
  const found: { session?: Buffer } = {};
  socket.on('session', (session) => void Object.assign(found, { session }));
  await send(socket, `GET / HTTP/1.1\r\nHost: ${options.servername}\r\nConnection: close\r\n\r\n`);
  return found;
}

for (const workers of [0, 2]) {
  test(`sessions keep the certificate of the client until the authority changes (workers: ${workers})`, async (t) => {
    const [made, other] = [new CertificateFolder(t), new CertificateFolder(t)];
    const ca = join(ownFolder(t), 'clients.pem');
    copyFileSync(made.root.certificate, ca);
    const [client, later] = [made.issue({ names: ['client'] }), other.issue({ names: ['later'] })];
    const certificates = [made.issue({ names: ['a.example'] })];
    const spec = { listen: '127.0.0.1:0', health: 'off', servers: [{ id: 'one', address: await startEcho(t) }] };
    const balancer = await startBalancer(t, { workers }, { production: { ...spec, tls: { certificates, clientCertificates: { ca } } } });
    const { address } = balancer;
    const kept: { session?: Buffer; maxVersion: tls.SecureVersion }[] = [];
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const found = await sessionOf(t, address, { ...textsOf(client), servername: 'a.example', maxVersion });
      t.ok(found.session, `${maxVersion}: there is a session`);
      const answer = await ask(address, 'a.example', { ...found, maxVersion });
      t.match(answer, { status: 200, reused: true }, `${maxVersion}: resumed`);
      t.same(certLines(answer.body), [fieldOf(client)], `${maxVersion}: with the certificate`);
      kept.push({ ...found, maxVersion });
    }
    copyFileSync(other.root.certificate, ca);
    await balancer.process.logged(({ msg = '' }) => msg.startsWith('authorities of client certificates replaced'));
    await eventually(
      () => ask(address, 'a.example', textsOf(later)),
      ({ status }) => status === 200,
      { what: 'the new authority' },
    );
    t.equal((await ask(address, 'a.example', textsOf(client))).status, 400, 'the former authority holds no more');
    for (const session of kept)
      t.match(await ask(address, 'a.example', session), { status: 400, reused: false }, `${session.maxVersion}: nor do its sessions`);
  });
}

test('curl, openssl and WebSocket clients show certificates; a plain listener removes the fields, in trailers too', async (t) => {
  const made = new CertificateFolder(t);
  const client = made.issue({ names: ['client'] });
  const certificates = [made.issue({ names: ['a.example'] })];
  const server = { health: 'off', servers: [{ id: 'one', address: await startEcho(t) }], underscores: 'keep' };
  const { address, addresses, process } = await startBalancer(
    t,
    { accessLog: true },
    {
      production: {
        listen: '127.0.0.1:0',
        ...server,
        tls: { certificates, clientCertificates: { ca: made.root.certificate, chain: true } },
      },
      plain: { listen: `127.0.0.1:${await freePort()}`, ...server, servers: [{ ...server.servers[0], id: 'two' }] },
      behind: {
        listen: `127.0.0.1:${await freePort()}`,
        ...server,
        servers: [{ ...server.servers[0], id: 'three' }],
        trustedProxies: ['127.0.0.1'],
      },
    },
  );
  const between = made.issue({ names: ['between'], authority: true });
  const chained = made.issue({ names: ['chained'], by: between });
  const chain = { cert: pem(made.chain(chained, between, made.root)), key: pem(chained.key) };
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { session } = await sessionOf(t, address, { ...chain, servername: 'a.example', maxVersion });
    const again = await ask(address, 'a.example', { ...chain, ...(session && { session }), maxVersion });
    t.match(again, { status: 200, reused: false }, `${maxVersion}: a session would lack the chain`);
    t.same(certLines(again.body), [fieldOf(chained), fieldOf(between)], `${maxVersion}: the chain without its root`);
  }
  const stranger = new CertificateFolder(t).issue({ names: ['stranger'] });
  t.equal((await ask(address, 'a.example', textsOf(stranger))).status, 400);
  const logged = async (subject: string) =>
    JSON.parse(
      await process.printed((text) => text.split('\n').find((line) => line.includes(`"clientCertificate":${JSON.stringify(subject)}`))),
    );
  t.match(await logged('CN=chained'), { status: 200 }, 'the access log has the subject');
  t.match(await logged('CN=stranger'), { status: 400 }, 'also of a certificate that is refused');
  const port = Number(address.split(':')[1]);
  const curl = ['-sS', '--noproxy', '*', '--cacert', made.root.certificate, '--resolve', `a.example:${port}:127.0.0.1`];
  const url = `https://a.example:${port}/`;
  const { stdout } = await run('curl', [...curl, '--cert', client.certificate, '--key', client.key, url]);
  t.same(certLines(stdout), [fieldOf(client)], 'curl');
  t.match((await run('curl', [...curl, url])).stdout, /"status":400,"code":"client-certificate-missing"/, 'curl without a certificate');

  const files = ['-cert', client.certificate, '-key', client.key];
  const shell = spawn('openssl', ['s_client', '-quiet', '-ign_eof', '-servername', 'a.example', '-connect', `127.0.0.1:${port}`, ...files]);
  shell.stdin.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  let said = '';
  for await (const piece of shell.stdout) said += piece;
  t.ok(said.startsWith('HTTP/1.1 200') && said.includes(fieldOf(client)), 'openssl');

  const upgrade = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nClient-Cert: x\r\n\r\n';
  const connect = (options: object) => tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  const open = connect(textsOf(client));
  open.write(upgrade);
  let answer = '';
  for await (const piece of open) answer += piece;
  t.ok(answer.startsWith('HTTP/1.1 101') && answer.includes(fieldOf(client)) && answer.endsWith('through the tunnel'), 'upgrade');
  t.match(await send(connect({}), upgrade), /^HTTP\/1.1 400 /, 'upgrade without a certificate');

  const smuggled =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nClient-Cert: :eA==:\r\nCLIENT_CERT: 1\r\nClient-Cert-Chain: 2\r\nClient.Cert: 3\r\n' +
    'Client_Cert_Chain: 4\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n1\r\nx\r\n0\r\nClient-Cert: 5\r\nclient_cert: 6\r\nKept: 7\r\n\r\n';
  const through = async (name: string) => {
    const all = await send(net.connect(Number(addresses[name]?.split(':')[1]), '127.0.0.1'), smuggled);
    return /\[.*\]/.exec(all)?.[0] ?? all;
  };
  const plain = await through('plain');
  t.same(certLines(plain), [], 'a stranger');
  t.same(linesNamed(plain, /^kept$/i), ['7'], 'trailers are forwarded');
  t.same(certLines(await through('behind')), [':eA==:', '2'], 'a trusted proxy is believed, but not in trailers or other spellings');
  const nominating = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, client-cert\r\n\r\n';
  t.match(await send(net.connect(Number(addresses['behind']?.split(':')[1]), '127.0.0.1'), nominating), /^HTTP\/1.1 400 /);
});

test('a policy of a project chooses among the clients, and believes no stranger at the gateway server', async (t) => {
  const made = new CertificateFolder(t);
  const [orders, other] = [made.issue({ names: ['orders'] }), made.issue({ names: ['other'] })];
  const certificates = [made.issue({ names: ['a.example'] })];
  const clientCertificates = { ca: made.root.certificate, require: false };
  const balancer = await startBalancer(
    t,
    {},
    {
      production: {
        listen: '127.0.0.1:0',
        exposeServer: true,
        health: { interval: '200ms', timeout: '1s' },
        tls: { certificates, clientCertificates },
      },
    },
  );
  const file = join(ownFolder(t), 'pay.json');
  const strictly = { proxyRequest: [{ clientCertificate: { subjects: ['CN=orders'] } }] };
  const policies = { targetRequest: [{ headers: { set: { 'x-client': '$' + '{clientCertificate.subject}' } } }] };
  const resources = [{ path: '/', policies: strictly }, { path: '/open' }];
  const targets = { default: { url: `http://${await startEcho(t)}` } };
  writeFileSync(file, JSON.stringify({ name: 'pay', basePath: '/', targets, policies, resources }));
  const strict = await startGateway(t, 'gw', balancer.control, ['--environment', 'production', '--listen', '127.0.0.1:0']);
  await operate(t, balancer, 'project', 'push', file);
  await operate(t, balancer, 'deploy', 'pay', '--environment', 'production', '--wait');
  const allowed = await eventually(
    () => ask(balancer.address, 'a.example', textsOf(orders)),
    ({ status }) => status === 200,
    { what: 'an answer through the gateway server' },
  );
  t.same(certLines(allowed.body), [fieldOf(orders)], 'the target gets the certificate');
  t.same(linesNamed(allowed.body, /^x-client$/), ['CN=orders'], 'and its subject in a field of the policy');
  t.match(await ask(balancer.address, 'a.example', textsOf(other)), { status: 403, body: /"client-certificate-unknown"/ });
  const forged = { headers: { 'client-cert': fieldOf(orders) } };
  t.match(await ask(balancer.address, 'a.example', forged), { status: 403, body: /"client-certificate-needed"/ });
  const open = await ask(balancer.address, 'a.example', { path: '/open', headers: { ...forged.headers, 'X-Client': 'CN=orders' } });
  t.same([open.status, linesNamed(open.body, /^x-client$/i)], [200, []], 'what a client without certificate claims is removed');
  t.ok(strict.running);
});
