import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { pause } from '../tools/pause.ts';
import { startRedis } from '../tools/redis.ts';
import { Scrape } from '../tools/scrape.ts';
import { type BalancerUnderTest, operate, serving, startBalancer, startGateway, testEnvironment } from '../tools/sluice-under-test.ts';

/** Sends one request; resolves with the status, or with the error's code. */
function statusOf(address: string, path = '/echo'): Promise<number | string> {
  return new Promise((resolve) => {
    request(`http://${address}${path}`, { agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      .end();
  });
}

/** Everything that a stranger gets at a port, until the connection is closed. */
async function saidTo(socket: net.Socket): Promise<string> {
  let said = '';
  socket
    .on('error', () => {})
    .on('data', (octets) => {
      said += octets;
    });
  socket.write('GET /echo HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  return said;
}

async function connectsOf(balancer: BalancerUnderTest): Promise<number> {
  const response = await fetch(`${balancer.control}/metrics`);
  return new Scrape(await response.text()).sum('sluice_server_connects_total');
}

for (const join of ['websocket', 'redis'] as const) {
  test(`balancer and gateway servers speak mutual TLS, without a file or a setting on the servers (join: ${join})`, async (t) => {
    const target = await startTarget(t);
    const redis = join === 'redis' ? await startRedis(t) : undefined;
    const workers = join === 'redis' ? 2 : 0;
    const settings = { workers, ...(redis && { registry: { url: redis.url } }) };
    const balancer = await startBalancer(t, settings, { production: { ...testEnvironment, serverTls: 'on' } });
    await deployEcho(balancer, target.url);
    const folder = ownFolder(t);
    const url = redis?.url ?? balancer.control;
    const start = () => startGateway(t, 'a', url, ['--environment', 'production'], { folder });
    const gateway = await start();
    const [server] = await serving(balancer, ['a']);
    t.equal(await statusOf(balancer.address), 200);
    const [host = '', port] = (server?.address ?? '').split(':');
    t.equal(await saidTo(net.connect(Number(port), host)), '', 'a stranger gets nothing');
    t.equal(await saidTo(tls.connect({ port: Number(port), host, rejectUnauthorized: false })), '', 'nor over TLS');

    if (join === 'websocket') {
      const load = new Load(balancer.address, '/echo/', { clients: 8 });
      await load.more(800);
      const connects = await connectsOf(balancer);
      t.ok(connects > 0 && connects <= 12, `connections are kept: ${connects} for more than 800 requests`);
      for (const serverTls of ['auto', 'off', 'on', 'auto', 'on']) {
        await balancer.api('PUT', '/v1/environments/production', { ...testEnvironment, serverTls });
        await load.more(100);
      }
      t.strictSame((await load.stop()).wrong, [], 'a changed setting loses no request');
    }

    gateway.signal('SIGKILL');
    await gateway.ended();
    await start();
    await serving(balancer, ['a']);
    await eventually(
      () => statusOf(balancer.address),
      (status) => status === 200,
    );

    // Made first: the port must answer again before checks find it closed, and name that as the reason.
    const pair = selfSigned(t);
    const impostor = await startGateway(t, 'b', url, ['--environment', 'production']);
    const [, other] = await serving(balancer, ['a', 'b']);
    impostor.signal('SIGKILL');
    await impostor.ended();
    const forged = tls.createServer({ ...pair, minVersion: 'TLSv1.3' });
    let octets = 0;
    forged.on('secureConnection', (socket) =>
      socket
        .on('error', () => {})
        .on('data', (piece) => {
          octets += piece.length;
        }),
    );
    forged.listen(Number(other?.address?.split(':')[1]), '127.0.0.1');
    await once(forged, 'listening');
    t.teardown(() => forged.close());
    await eventually(
      () => balancer.api('GET', '/v1/servers/b') as Promise<{ health: string; reason?: string }>,
      ({ health, reason = '' }) => health === 'down' && /certificate/.test(reason),
      { what: 'a forged server to be down, with the reason' },
    );
    for (let count = 0; count < 10; count++) t.equal(await statusOf(balancer.address), 200);
    t.equal(octets, 0, 'a forged server gets nothing');
  });
}

function selfSigned(t: Parameters<typeof ownFolder>[0]): { cert: string; key: string } {
  const { certificate, key } = new CertificateFolder(t).issue({ names: ['localhost', '127.0.0.1'] });
  return { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

test('a gateway server shows its own certificate to clients that are given its address, and tells when it expires', async (t) => {
  const made = new CertificateFolder(t);
  const inFiveDays = new Date(Date.now() + 5.5 * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');
  const names = ['gw.example', '127.0.0.1'];
  const { certificate, key } = made.issue({ names, until: inFiveDays });
  const ca = readFileSync(made.root.certificate);
  const target = await startTarget(t);
  const balancer = await startBalancer(t, {}, { production: { ...testEnvironment, serverTls: 'on' } });
  await deployEcho(balancer, target.url);
  const files = ['--tls-certificate', certificate, '--tls-key', key];
  const gateway = await startGateway(t, 'a', balancer.control, ['--environment', 'production', ...files]);
  const [server] = await serving(balancer, ['a']);
  t.equal(await statusOf(balancer.address), 200);
  const port = Number(server?.address?.split(':')[1]);
  const ask = async (url: string, host?: string) => {
    const asked = https.get(url, { ca, agent: false, ...(host && { servername: host, headers: { host } }) });
    const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
    let body = '';
    for await (const piece of response) body += piece;
    return { status: response.statusCode, body };
  };
  t.equal((await ask(`https://127.0.0.1:${port}/echo`, 'gw.example')).status, 200);
  t.equal(await saidTo(net.connect(port, '127.0.0.1')), '', 'plain is refused');

  const ofBalancer = async () => await (await fetch(`${balancer.control}/metrics`)).text();
  const expiry = (text: string) => /^sluice_certificate_expiry_timestamp_seconds\{certificate="[^"]*"(,server="a")?\} (\d+)$/m.exec(text);
  const [discovered] = (await balancer.api('GET', '/v1/prometheus/targets')) as { targets: string[]; labels: Record<string, string> }[];
  const { __scheme__: scheme = 'http', __metrics_path__: path } = discovered?.labels ?? {};
  const scrape = async () => (await ask(`${scheme}://${discovered?.targets[0]}${path}`)).body;
  const until = Math.floor(Date.parse(inFiveDays.replace(/(....)(..)(..)(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z')) / 1000);
  t.strictSame(expiry(await ofBalancer())?.slice(1), [',server="a"', String(until)]);
  t.equal(expiry(await scrape())?.[2], String(until), 'as Prometheus finds the server');
  t.match((await operate(t, balancer, 'status')).out, /a: certificate .*\.pem expires in 5 days: renew it/);

  writeFileSync(certificate, 'nothing');
  const told = () => balancer.api('GET', '/v1/servers/a') as Promise<ServerAnswer>;
  await eventually(told, ({ ownCertificate }) => ownCertificate?.fault !== undefined, { what: 'the fault of the file' });
  t.match(
    (await operate(t, balancer, 'status')).out,
    /a: certificate .*holds no certificate .*the certificate that was read before stays in use/,
  );
  const renewed = made.issue({ names });
  copyFileSync(renewed.key, key);
  copyFileSync(renewed.certificate, certificate);
  await gateway.logged(({ msg = '' }) => msg.startsWith('certificate replaced'));
  await eventually(told, ({ ownCertificate }) => ownCertificate?.until === Date.UTC(2099, 11, 31, 23, 59, 59), { what: 'the later date' });
  t.equal((await told()).ownCertificate?.fault, undefined);
  t.notMatch((await operate(t, balancer, 'status')).out, /renew it/);
});

test('an embedded registry that starts with another secret key answers no request with 503', async (t) => {
  const target = await startTarget(t);
  const first = await startBalancer(t, {}, { production: { ...testEnvironment, serverTls: 'on' } });
  await deployEcho(first, target.url);
  for (const id of ['a', 'b']) await startGateway(t, id, first.control);
  await serving(first, ['a', 'b']);
  first.process.signal('SIGTERM');
  t.equal(await first.process.ended(), 0);
  const answers = new Map<number | string, number>();
  let ended = false;
  const asking = (async () => {
    while (!ended) {
      const status = await statusOf(first.address);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      await pause(2);
    }
  })();
  const again = await first.again({ SLUICE_SECRET_KEY: 'another-key'.padEnd(40, 'k') });
  await serving(again, ['a', 'b']);
  await eventually(
    () => answers.get(200) ?? 0,
    (count) => count > 50,
  );
  ended = true;
  await asking;
  t.strictSame(
    [...answers.keys()].filter((status) => status !== 200 && status !== 'ECONNREFUSED'),
    [],
    `answers: ${[...answers]}`,
  );

  const [keys, rotated] = [await operate(t, again, 'secrets', 'status'), await operate(t, again, 'secrets', 'rotate')];
  t.match(keys.out, /^keys of this balancer: SLUICE_SECRET_KEY\n[\s\S]*seals and opens[\s\S]*is not here/);
  t.match(rotated, {
    status: 0,
    out: /were sealed with key [0-9a-f]{8} already[\s\S]*hop:[0-9a-f]{8} stays as it is: .*is sealed with key/,
  });
  t.match((await operate(t, again, 'ca', 'status')).out, /^AUTHORITY .*[\s\S]*certifies balancers and servers/);
  t.match(await operate(t, again, 'ca', 'rotate'), { status: 0, out: /next[\s\S]*servers learn of the new authority: / });
  t.match(await operate(t, again, 'ca', 'rotate'), { status: 1, err: /is being replaced already: see "sluice ca status"/ });
});
