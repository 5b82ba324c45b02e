import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { test } from 'tap';
import { CertificateFolder, type IssuedCertificate, textsOf } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { operate, startBalancer } from '../tools/sluice-under-test.ts';
import { startForwarded } from './tls-client.ts';

const run = promisify(execFile);

async function ask(address: string, host: string, options: https.RequestOptions = {}) {
  const port = Number(address.split(':')[1]);
  const asked = https.get({
    host: '127.0.0.1',
    port,
    servername: host,
    agent: false,
    rejectUnauthorized: false,
    headers: { host },
    ...options,
  });
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage];
  const reused = (response.socket as tls.TLSSocket).isSessionReused();
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode, reused, code: response.statusCode === 200 ? undefined : JSON.parse(body).code };
}

/** One request, and the session that it leaves. */
async function sessionOf(address: string, options: tls.ConnectionOptions): Promise<{ status: string; session?: Buffer }> {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(address.split(':')[1]), rejectUnauthorized: false, ...options });
  const found: { session?: Buffer } = {};
  socket.on('session', (session) => void Object.assign(found, { session }));
  socket.end(`GET / HTTP/1.1\r\nHost: ${options.servername}\r\nConnection: close\r\n\r\n`);
  let said = '';
  for await (const piece of socket) said += piece;
  return { status: said.slice(9, 12), ...found };
}

test('a client certificate that was revoked is refused as one of a stranger', async (t) => {
  const made = new CertificateFolder(t);
  const [between, withdrawn] = ['Between', 'Withdrawn'].map((name) => made.issue({ names: [name], authority: true })) as [
    IssuedCertificate,
    IssuedCertificate,
  ];
  const under = (name: string, by: IssuedCertificate) => {
    const leaf = made.issue({ names: [name], by });
    return { certificate: made.chain(leaf, by), key: leaf.key };
  };
  const clients = {
    good: made.issue({ names: ['good'] }),
    bad: made.issue({ names: ['bad'] }),
    later: made.issue({ names: ['later'] }),
    between: under('between', between),
    badBetween: under('bad between', between),
    withdrawn: under('withdrawn', withdrawn),
  };
  const crl = join(made.folder, 'clients.crl');
  made.revoke([clients.bad, withdrawn], { file: crl });
  const ofBetween = made.revoke([clients.badBetween], { by: between });
  // A root of the same name on the second address, where sessions do not tell the authority.
  const twin = new CertificateFolder(t);
  const ca = made.chain(made.root, between);
  const [first, second] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const server = made.issue({ names: ['strict.example', 'loose.example', 'unlisted.example', 'shared.example', 'twin.example'] });
  const servers = [{ id: 'one', address: await startForwarded(t) }];
  const environment = (name: string, listen: string, clientCertificates: object) => [
    name,
    {
      listen,
      hosts: [`${name}.example`],
      health: 'off',
      servers: [{ ...servers[0], id: name }],
      tls: { certificates: [server], clientCertificates },
    },
  ];
  const balancer = await startBalancer(
    t,
    { workers: 1 },
    Object.fromEntries([
      environment('strict', first, { ca, crl: [crl, ofBetween] }),
      environment('loose', first, { ca, crl, require: false }),
      environment('unlisted', first, { ca }),
      environment('shared', second, { ca: made.root.certificate, crl }),
      environment('twin', second, { ca: twin.root.certificate }),
    ]),
  );
  const cases: [keyof typeof clients | 'none', string[], string[]][] = [
    ['good', ['strict', 'loose', 'unlisted', 'shared'], []],
    ['bad', ['unlisted'], ['strict', 'loose', 'shared']],
    ['later', ['strict', 'loose', 'shared'], []],
    ['between', ['strict', 'loose', 'shared'], []],
    ['badBetween', ['loose', 'unlisted', 'shared'], ['strict']],
    ['withdrawn', ['unlisted'], ['strict', 'loose', 'shared']],
    ['none', ['loose'], []],
  ];
  const at = (name: string) => (name === 'shared' ? second : first);
  for (const [client, accepted, refused] of cases)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
      for (const name of [...accepted, ...refused]) {
        const options = client === 'none' ? {} : textsOf(clients[client]);
        const { status, code } = await ask(at(name), `${name}.example`, { ...options, maxVersion });
        const wanted = accepted.includes(name) ? [200, undefined] : [400, 'client-certificate-refused'];
        t.strictSame([status, code], wanted, `${client} at ${name}, ${maxVersion}`);
      }
  // A session lacks the certificates between, so that none may carry a client past the list.
  for (const client of ['bad', 'withdrawn', 'later'] as const)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { status, ...session } = await sessionOf(first, { ...textsOf(clients[client]), servername: 'strict.example', maxVersion });
      const again = await ask(first, 'strict.example', { ...textsOf(clients[client]), ...session, maxVersion });
      t.strictSame([String(again.status), again.reused], [status, false], `${client}, ${maxVersion}`);
    }

  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const open = { ...textsOf(clients.later), agent };
  const [before, held] = [
    await ask(first, 'strict.example', open),
    await sessionOf(first, { ...textsOf(clients.later), servername: 'unlisted.example' }),
  ];
  t.equal(before.status, 200);
  const reload = () => void balancer.process.signal('SIGHUP');
  made.revoke([clients.bad, clients.later, withdrawn], { file: crl });
  reload();
  await balancer.process.logged(({ msg = '' }) => msg.startsWith('revocation lists of client certificates replaced'));
  await eventually(
    () => ask(first, 'strict.example', open),
    ({ status }) => status === 400,
    { what: 'the end of what an open connection may do' },
  );
  t.equal((await ask(first, 'strict.example', textsOf(clients.later))).status, 400);
  const { session } = held;
  t.equal((await ask(first, 'strict.example', { ...textsOf(clients.later), ...(session && { session }) })).status, 400);
  t.equal((await ask(first, 'strict.example', textsOf(clients.good))).status, 200);

  copyFileSync(made.root.certificate, crl);
  reload();
  await balancer.process.logged(({ level, msg = '' }) => Number(level) >= 50 && msg.includes('clients.crl holds no revocation list'));
  t.equal((await ask(first, 'strict.example', textsOf(clients.bad))).status, 400, 'a faulty file changes nothing');
  const put = { ...environment('loose', first, { ca, crl: made.revoke([], { by: twin.root }), require: false }) }[1] as object;
  await t.rejects(balancer.api('PUT', '/v1/environments/loose', put), /422 .*tls\.clientCertificates\.crl .* signature is not valid/);

  made.revoke([clients.good], { file: crl, until: '20250101000000Z' });
  reload();
  await balancer.process.logged(({ msg = '' }) => msg.includes('was due on 2025-01-01') && msg.includes('used all the same'));
  await eventually(
    () => ask(first, 'strict.example', textsOf(clients.good)),
    ({ status }) => status === 400,
    { what: 'the new list' },
  );
  t.equal((await ask(first, 'strict.example', textsOf(clients.bad))).status, 200, 'an outdated list says who is revoked, no more');
  t.match((await operate(t, balancer, 'status')).out, /strict: revocation list .*clients\.crl: .*is out of date/);
  const metrics = await (await fetch(`${balancer.control}/metrics`)).text();
  t.match(metrics, /^sluice_revocation_list_due_timestamp_seconds\{list="[^"]*clients\.crl"\} 1735689600$/m);
  const { status } = (await balancer.api('GET', '/v1/environments/strict')) as { status: { certificates: object[] } };
  t.match(status.certificates[2], { certificate: crl, until: Date.UTC(2025, 0, 1), revoked: 1, fault: /out of date/ });

  const port = first.split(':')[1];
  const curl = ['-sS', '--noproxy', '*', '--cacert', made.root.certificate, '--resolve', `strict.example:${port}:127.0.0.1`];
  const shown = ['--cert', clients.good.certificate, '--key', clients.good.key];
  const { stdout } = await run('curl', [...curl, ...shown, `https://strict.example:${port}/`]);
  t.match(stdout, /"status":400,"code":"client-certificate-refused"/, 'curl');
  const file = join(balancer.folder, 'check.json');
  writeFileSync(file, JSON.stringify({ environments: Object.fromEntries([environment('strict', first, { ca, crl })]) }));
  const checked = await operate(t, balancer, 'config', 'check', file);
  t.match(checked, { status: 1, err: /environments\.strict\.tls\.clientCertificates\.crl: .*was due on 2025-01-01/ });
  t.equal((await operate(t, balancer, 'config', 'check', '--ignore-dates', file)).status, 0);
});
