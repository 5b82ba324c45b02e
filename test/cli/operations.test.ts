import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { writeKey } from '../../src/certificates/hop-certificates.ts';
import { makeKeyPair } from '../../src/certificates/key-pair.ts';
import { serverTable } from '../../src/cli/commands/server-table.ts';
import type { ServerHop } from '../../src/model/hop.ts';
import { deployEcho, echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRejectingServer } from '../tools/rejecting-server.ts';
import { adminToken, type BalancerUnderTest, joinToken, serving, startBalancer, startGateway } from '../tools/sluice-under-test.ts';
import { run } from './command-line.ts';
import { onTerminal } from './on-terminal.ts';

/** Runs an operator's command in this process, without a terminal. */
async function operate(balancer: BalancerUnderTest, ...words: string[]) {
  return run(words, { env: { SLUICE_CONTROL: balancer.control, SLUICE_ADMIN_TOKEN: adminToken } });
}

/** A target that holds its responses back until `answer` is called. */
async function slowTarget(t: Test): Promise<{ url: string; arrived: Promise<unknown>; answer(): void }> {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, '127.0.0.1');
  const arrived = once(server, 'request');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const answer = () => {
    for (const response of held.splice(0)) response.end('late');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrived, answer };
}

test('a deployment on a terminal shows one line per server; a server that rejects it is named with the reason', {
  timeout: 100_000,
}, async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  await startGateway(t, 'one', balancer.control);
  await startRejectingServer(t, 'two', balancer.control, ({ revision }) => (revision === 3 ? 'no policy "nowhere"' : undefined));
  await deployEcho(balancer, target.url);
  await serving(balancer, ['one', 'two']);
  await balancer.api('POST', '/v1/projects', echoProject(target.url, '2'));
  const good = onTerminal(t, balancer, 'exec sluice deploy echo --environment production --wait', { columns: 60 });
  t.equal(await good.ended(), 0, good.output);
  t.strictSame(good.screen.lines.filter(Boolean), [
    'echo@2 deployed to production, now at version 2',
    'one  active',
    'two  active',
    'echo@2 is active on 2 of 2 servers',
  ]);
  t.equal(good.screen.overflows, 0);

  await balancer.api('POST', '/v1/projects', echoProject(target.url, '3'));
  const bad = await operate(balancer, 'deploy', 'echo', '-e', 'production', '--wait');
  t.equal(bad.status, 1);
  t.equal(bad.out, '');
  t.match(bad.err, /two {2}rejected: .*nowhere.* \(revision 2 is still served\)/);
  t.match(bad.err, /\ntwo rejected echo@3: .*nowhere.*\nerror: echo@3 was rejected by 1 of 2 servers$/);
  const status = await operate(balancer, 'status');
  t.match(status.out, /\ntwo: rejecting: echo: .*nowhere.* \(revision 2 is still served\)/);

  const broken = { ...echoProject('http://127.0.0.1:1', '4'), targets: { default: { url: `\${variables.nowhere}/a` } } };
  await balancer.api('POST', '/v1/projects', broken);
  const refused = await operate(balancer, 'deploy', 'echo', '-e', 'production', '--wait');
  t.match(refused, { status: 1, out: '', err: /^error: targets\.default\.url the environment has no variable "nowhere"; add it/ });
  const silent = await operate(balancer, 'rollback', 'echo', '-e', 'production', '--wait', '--json');
  t.equal(silent.err, '', 'no progress with --json');
  t.equal(JSON.parse(silent.out).deployments[0].revision, 2);
  t.match(await operate(balancer, 'undeploy', 'echo', '-e', 'production', '--wait'), {
    status: 0,
    out: 'echo undeployed from production, now at version 5',
    err: /one {2}undeployed/,
  });
});

test('a server is added, then drained with a request in flight; Ctrl-C ends the wait, not the drain', { timeout: 100_000 }, async (t) => {
  const balancer = await startBalancer(t);
  const target = await slowTarget(t);
  await startGateway(t, 'one', balancer.control);
  await startGateway(t, 'spare', balancer.control, []);
  await deployEcho(balancer, target.url);
  await serving(balancer, ['one']);
  const added = await operate(balancer, 'server', 'add', 'spare', '--environment', 'production');
  t.match(added, { status: 0, out: 'spare is ready in production', err: /its share: 50 % of the weight of 2 servers$/ });
  await operate(balancer, 'server', 'remove', 'spare');

  const request = get(`http://${balancer.address}/echo`);
  const answered = once(request, 'response');
  await target.arrived;
  const watched = onTerminal(t, balancer, 'exec sluice server drain one', { columns: 70 });
  await watched.shows(/^one {2}draining, 1 in flight$/m);
  watched.type('\u0003');
  t.equal(await watched.ended(), 1);
  t.match(
    watched.screen.text.replace(/\s+/g, ' '),
    /error: interrupted: the change continues in the background; one is draining, 1 in flight; .*sluice server resume one/,
  );
  const draining = onTerminal(t, balancer, 'exec sluice server drain one', { columns: 70 });
  await draining.shows(/^one {2}draining, 1 in flight$/m);
  target.answer();
  await answered;
  t.equal(await draining.ended(), 0);
  t.strictSame(draining.screen.lines.filter(Boolean), ['one is drained'], 'the answer replaces the progress lines');
  t.match(await operate(balancer, 'status'), {
    out: /none of its servers takes requests\none: draining: nothing in flight, .*resume one/,
  });
});

test('stored responses are removed from the gateway servers: all of an environment, or those that are named', {
  timeout: 100_000,
}, async (t) => {
  const balancer = await startBalancer(t);
  const target = await startTarget(t);
  await startGateway(t, 'one', balancer.control);
  const stored = { policies: { proxyRequest: [{ cache: { ttl: '1h' } }] } };
  await balancer.api('POST', '/v1/projects', { ...echoProject(target.url, '1'), ...stored });
  await balancer.api('PUT', '/v1/environments/production/deployments/echo', {});
  await serving(balancer, ['one']);
  const cacheStatus = async () => (await fetch(`http://${balancer.address}/echo/page`)).headers.get('cache-status') ?? '';
  const purge = (...words: string[]) => operate(balancer, 'cache', 'purge', '-e', 'production', ...words);
  await cacheStatus();
  t.match(await cacheStatus(), /hit/);

  t.match(await purge('--project', 'other'), {
    status: 0,
    out: 'stored responses of other are removed from the gateway servers of production',
  });
  t.match(await purge('--project', 'echo', '--path', '/echo/elsewhere/*'), { status: 0 });
  t.match(await cacheStatus(), /hit/, 'other responses stay');
  for (const words of [['--project', 'echo', '--path', '/echo/*'], ['--json']]) {
    const done = await purge(...words);
    t.equal(done.status, 0, done.err);
    await eventually(cacheStatus, (status) => /fwd/.test(status), { what: `the response to be removed by ${words.join(' ')}` });
    t.match(await cacheStatus(), /hit/);
  }
  t.match(await purge('--path', 'echo'), { status: 2, err: /must begin with "\/"/ });
  t.match(await operate(balancer, 'cache', 'purge'), { status: 2, err: /--environment/ });
  t.match(await operate(balancer, 'cache', 'purge', '-e', 'nowhere'), { status: 1, err: /there is no environment "nowhere"/ });
});

test('a server of any make gets a certificate; tables show mutual TLS', { timeout: 100_000 }, async (t) => {
  const balancer = await startBalancer(t);
  const key = writeKey(makeKeyPair().publicKey);
  const register = async (hop: object) => {
    const response = await fetch(`${balancer.control}/v1/register/any`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${joinToken}`, 'content-type': 'application/json', 'lease-secret': 'a-secret-of-sixteen' },
      body: JSON.stringify({ environment: 'production', address: '127.0.0.1:1', hop }),
    });
    return (await response.json()) as { hop: ServerHop };
  };
  const { certificate } = (await register({ key })).hop;
  t.equal(new X509Certificate(certificate?.pem ?? '').subjectAltName, 'URI:sluice://server/production/any');
  t.match((await operate(balancer, 'server', 'list')).out, /127\.0\.0\.1:1 +1 /, 'it does not answer by TLS yet');
  await register({ key, serves: { certificate: certificate?.id, environment: 'production' } });
  const { servers } = JSON.parse((await operate(balancer, 'status', '--json')).out);
  t.match(servers, [{ id: 'any', hop: { until: certificate?.until } }]);
  const [, rows] = serverTable([{ ...servers[0], hop: { tls: true, until: null } }]);
  t.equal(rows[0]?.[5], '127.0.0.1:1 TLS');
});

test("the balancer's own OpenAPI document is imported as a working project", { timeout: 100_000 }, async (t) => {
  const balancer = await startBalancer(t);
  // Not the balancer itself: a control address answers nothing that Sluice forwards.
  const target = await startTarget(t);
  await startGateway(t, 'one', balancer.control);
  await serving(balancer, ['one']);
  const folder = ownFolder(t);
  const fetched = onTerminal(
    t,
    balancer,
    `"${process.execPath}" -e 'fetch(process.env.SLUICE_CONTROL + "/openapi.json", { headers: { authorization: "Bearer " + process.env.SLUICE_ADMIN_TOKEN } }).then((r) => r.text()).then((text) => require("fs").writeFileSync("${folder}/api.json", text))'`,
  );
  t.equal(await fetched.ended(), 0, fetched.output);
  const imported = await operate(
    balancer,
    'project',
    'import',
    `${folder}/api.json`,
    '--target',
    target.url,
    '--name',
    'admin',
    '--base-path',
    '/admin',
  );
  t.match(imported, { status: 0, out: 'admin@1' });
  t.equal((await operate(balancer, 'deploy', 'admin', '-e', 'production', '--wait')).status, 0);
  const ask = (method: string, path: string) =>
    fetch(`http://${balancer.address}/admin${path}`, { method, headers: { authorization: `Bearer ${adminToken}` } });
  const servers = await eventually(
    () => ask('GET', '/v1/servers/one'),
    ({ status }) => status === 200,
  );
  t.equal(await servers.text(), 'GET v1/servers/one ');
  t.equal((await ask('PUT', '/v1/servers')).status, 405);
  t.equal((await ask('GET', '/v1/nonsense')).status, 404);
});
