import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test, test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { bucketOf } from '../../src/model/caller-tree.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { JoinPeer } from '../tools/join-peer.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { type ConfigFile, reload } from '../tools/reload.ts';
import { Scrape } from '../tools/scrape.ts';
import {
  type BalancerUnderTest,
  joinToken,
  operate,
  serving,
  startBalancer,
  startGateway,
  testEnvironment,
} from '../tools/sluice-under-test.ts';

t.setTimeout(180_000);
// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 4;

const forProduction = 'join-token-for-production';
const forStaging = 'join-token-for-staging';
const secretOfStaging = 'the-secret-of-staging';

/** A balancer with two environments, each with its token and a secret in its variables. */
async function twoEnvironments(t: Test): Promise<BalancerUnderTest> {
  const tokens = { joinFor: { production: { rack1: forProduction }, staging: [forStaging] } };
  return startBalancer(
    t,
    { control: { listen: '127.0.0.1:0', tokens } },
    { staging: { ...testEnvironment, listen: '127.0.0.2:0', variables: { password: secretOfStaging } } },
  );
}

function register(balancer: BalancerUnderTest, id: string, body: object, token: string = joinToken, fields: Record<string, string> = {}) {
  return fetch(`${balancer.control}/v1/register/${id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...fields },
    body: JSON.stringify(body),
  });
}

async function recordOf(balancer: BalancerUnderTest, id: string): Promise<ServerAnswer> {
  return (await balancer.api('GET', `/v1/servers/${id}`)) as ServerAnswer;
}

test('a running gateway is not thrown out by the holder of a join token, through either door', async (t) => {
  const begun = performance.now();
  const target = await startTarget(t);
  const balancer = await startBalancer(t);
  await deployEcho(balancer, target.url);
  const folder = ownFolder(t);
  const victim = await startGateway(t, 'a', balancer.control, undefined, { folder });
  const [before] = await serving(balancer, ['a']);
  const load = new Load(balancer.address, '/echo/', { restMs: 5 });
  t.teardown(() => load.stop());

  const taken = await register(balancer, 'a', { environment: 'production', address: '127.0.0.1:9' });
  const { code, detail } = (await taken.json()) as { code: string; detail: string };
  t.same([taken.status, code], [409, 'conflict']);
  t.match(detail, /another gateway runs as "a".*--id.*data folder/);
  t.notMatch(detail, String(before?.address), 'the address of the other one is not told');
  t.equal(
    (await register(balancer, 'a', { environment: 'production', address: String(before?.address) })).status,
    409,
    'nor at its address',
  );
  const gone = await fetch(`${balancer.control}/v1/register/a`, { method: 'DELETE', headers: { authorization: `Bearer ${joinToken}` } });
  t.equal(gone.status, 409);

  const peer = await JoinPeer.connect(t, balancer.control, joinToken);
  const { instance } = before as ServerAnswer;
  for (const more of [
    {},
    { instance },
    { address: before?.address },
    { instance, address: before?.address },
    { secret: 'a-guessed-lease-secret' },
  ]) {
    const { error } = await peer.join('a', { environment: 'production', ...more });
    t.match(error, { code: 'conflict', message: /another gateway runs as "a"/ }, JSON.stringify(Object.keys(more)));
  }
  // The instance is no proof: the admin API and the server itself show it.
  t.match(await peer.call('renew', { id: 'a', instance, projects: [] }), { error: { code: 'not-found' } });
  t.match(await peer.call('leave', { id: 'a', instance }), { error: { code: 'forbidden' } });
  t.match(await recordOf(balancer, 'a'), { instance, address: before?.address, state: 'ready', health: 'up' });

  const metrics = new Scrape(await (await fetch(`${balancer.control}/metrics`)).text());
  t.same(metrics.by('reason', 'sluice_join_refusals_total'), { scope: 1, taken: 8 });
  const lines = balancer.process.log.filter(({ msg }) => /a registration was refused/.test(String(msg)));
  const minutes = Math.ceil((performance.now() - begun) / 60_000);
  t.ok(lines.length >= 1 && lines.length <= minutes, 'logged once a minute for an address');
  t.match(lines[0], { address: '127.0.0.1', reason: 'taken', token: 'SLUICE_JOIN_TOKEN' });
  load.recount();
  await load.more(50);
  const { wrong } = await load.stop();
  t.strictSame(wrong, [], 'no request noticed');

  const secret = readFileSync(join(folder, 'data/gateway-a/lease.secret'), 'utf8').trim();
  t.equal(statSync(join(folder, 'data/gateway-a/lease.secret')).mode & 0o777, 0o600);
  const everything = JSON.stringify([await balancer.api('GET', '/v1/servers'), balancer.process.log, victim.log]);
  for (const hidden of [secret, 'holder', joinToken]) t.notOk(everything.includes(hidden), 'neither secret nor token is shown');
});

for (const door of ['a balancer', 'Redis'] as const) {
  test(`a gateway that is killed is back at once with its data folder; without it, after its lease (joined through ${door})`, async (t) => {
    const target = await startTarget(t);
    const redis = door === 'Redis' ? await startRedis(t) : undefined;
    const balancer = await startBalancer(t, redis ? { registry: { url: redis.url } } : {});
    await deployEcho(balancer, target.url);
    const url = redis?.url ?? balancer.control;
    const folder = ownFolder(t);
    const first = await startGateway(t, 'a', url, undefined, { folder });
    const [before] = await serving(balancer, ['a']);
    await first.kill();
    const second = await startGateway(t, 'a', url, undefined, { folder });
    await eventually(
      () => recordOf(balancer, 'a'),
      ({ instance, health }) => instance !== before?.instance && health === 'up',
      { what: 'the restarted gateway to serve' },
    );
    t.notOk(
      second.log.some(({ msg }) => /could not join/.test(String(msg))),
      'without waiting for the lease to end',
    );

    const held = await recordOf(balancer, 'a');
    const mistaken = await startGateway(t, 'a', url);
    const refusal = await mistaken.logged(({ msg }) => /could not join/.test(String(msg)));
    t.match(refusal['reason'], /another gateway runs as "a"; give each its own --id/);
    t.equal((await recordOf(balancer, 'a')).instance, held.instance, 'the first one stays');
    await second.kill();
    await eventually(
      () => recordOf(balancer, 'a'),
      ({ instance, health }) => instance !== held.instance && health === 'up',
      { what: 'the new container to serve once the lease has ended' },
    );
  });
}

test('a token for one environment lets in its servers only, and shows nothing of another environment', async (t) => {
  const target = await startTarget(t);
  const balancer = await twoEnvironments(t);
  await deployEcho(balancer, target.url);
  await deployEcho(balancer, target.url, '2', 'staging');
  await startGateway(t, 'p', balancer.control, ['--environment', 'production', '--token', forProduction]);
  await startGateway(t, 's', balancer.control, ['--environment', 'staging', '--token', forStaging]);
  await serving(balancer, ['p']);
  await serving(balancer, ['s'], 'staging');

  const lost = await startGateway(t, 'x', balancer.control, ['--environment', 'staging', '--token', forProduction]);
  const refusal = await lost.logged(({ msg }) => /could not join/.test(String(msg)));
  t.match(refusal['reason'], /lets in servers of "production" only: start the server with --environment production/);

  const peer = await JoinPeer.connect(t, balancer.control, forProduction);
  await peer.watch('spy');
  t.match(await peer.join('spy', { environment: 'staging' }), { error: { code: 'forbidden' } });
  t.match(await peer.join('s', { environment: 'production' }), { error: { code: 'conflict' } });
  t.match(await peer.call('snapshot', { environment: 'production' }), { error: { code: 'forbidden' } }, 'before it has joined');
  t.match(await peer.join('spy', { environment: 'production' }), { result: { snapshot: { environment: 'production' } } });
  for (const [method, params] of [
    ['snapshot', { environment: 'staging' }],
    ['server', { id: 's' }],
    ['server', { id: 'p' }],
    ['leave', { id: 'p', instance: (await recordOf(balancer, 'p')).instance }],
    ['renew', { id: 'p', instance: (await recordOf(balancer, 'p')).instance, projects: [] }],
    ['environments', {}],
  ] as const) {
    t.match(await peer.call(method, params), { error: { code: 'forbidden' } }, `${method} ${JSON.stringify(params)}`);
  }
  const moved = await operate(t, balancer, 'server', 'add', 'spy', '--environment', 'staging');
  t.equal(moved.status, 1);
  t.match(moved.err, /"spy" registered with a token for "production" only: restart it with a token for "staging"/);
  t.match(await recordOf(balancer, 'spy'), { environment: 'production' });

  await balancer.api('PUT', '/v1/environments/staging', {
    ...testEnvironment,
    listen: '127.0.0.2:0',
    variables: { password: 'a-second-secret' },
  });
  await balancer.api('PUT', '/v1/environments/production', { ...testEnvironment, variables: { changed: 'yes' } });
  await peer.until(() => peer.news.some(({ kind }) => kind === 'snapshot'), 'news of its own environment');
  t.match(await peer.call('renew', { id: 'spy', instance: 'spy-1', projects: [] }), {
    result: { snapshot: { variables: { changed: 'yes' } } },
  });
  for (const hidden of [
    'staging',
    secretOfStaging,
    'a-second-secret',
    '"s"',
    '"p"',
    'holder',
    forProduction,
    String((await recordOf(balancer, 's')).address),
  ]) {
    t.notOk(peer.received.includes(hidden), `nothing that was sent holds ${hidden}`);
  }

  // Consumers by plain HTTP: those of the token's own environment.
  const policies = { proxyRequest: [{ apiKey: { consumers: true } }] };
  await balancer.api('POST', '/v1/projects', { name: 'shop', basePath: '/shop', targets: { default: { url: target.url } }, policies });
  await balancer.api('PUT', '/v1/environments/staging/deployments/shop', {});
  await balancer.api('PUT', '/v1/consumers/anna', { keys: [{ id: 'k', sha256: 'a'.repeat(64) }] });
  const callers = async (path: string, token: string) => {
    const answer = await fetch(`${balancer.control}/v1/callers${path}`, { headers: { authorization: `Bearer ${token}` } });
    return `${answer.status} ${await answer.text()}`;
  };
  const bucket = `/${bucketOf('anna')}`;
  for (const [path, token, wanted] of [
    [bucket, forStaging, /^200 .*"anna"/],
    [`${bucket}?environment=staging`, forStaging, /^200 .*"anna"/],
    [bucket, forProduction, /^404 /],
    [`${bucket}?environment=staging`, forProduction, /^403 .*is for servers of environment \\"production\\"/],
    ['?environment=staging', forProduction, /^403 /],
    [bucket, joinToken, /^200 .*"anna"/],
    [`${bucket}?environment=production`, joinToken, /^404 /],
  ] as const)
    t.match(await callers(path, token), wanted, path);

  const http = (id: string, body: object, token: string) => register(balancer, id, { address: '127.0.0.1:9', ...body }, token);
  t.equal((await http('plain', { environment: 'staging' }, forProduction)).status, 403);
  t.equal((await http('s', { environment: 'production' }, forProduction)).status, 409);
  const plain = await http('plain', { environment: 'production' }, forProduction);
  t.equal(plain.status, 200);
  t.notMatch(await plain.text(), /staging/);
  const ends = async (token: string) =>
    (await fetch(`${balancer.control}/v1/register/plain`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).status;
  t.same([await ends(forStaging), await ends(forProduction)], [403, 204]);
  t.equal((await http('spare', {}, forProduction)).status, 200, 'without an environment it is available');
  const spare = await operate(t, balancer, 'server', 'add', 'spare', '--environment', 'staging');
  t.equal(spare.status, 1, 'for production only');
  t.equal((await operate(t, balancer, 'server', 'add', 'spare', '--environment', 'production')).status, 0);
  for (const path of ['/metrics', '/v1/prometheus/targets', '/v1/servers', '/v1/environments']) {
    const fields = { authorization: `Bearer ${forProduction}`, host: 'sluice.example' };
    const { status } = await ask(balancer, path, fields);
    t.ok(status === 401 || status === 403, `${path} is refused: ${status}`);
  }
});

test('a reload that removes a join token closes the connections that came with it, and no others', async (t) => {
  const balancer = await twoEnvironments(t);
  const peers = await Promise.all([forProduction, forStaging, joinToken].map((token) => JoinPeer.connect(t, balancer.control, token)));
  const [production, staging, general] = peers as [JoinPeer, JoinPeer, JoinPeer];
  await production.join('p', { environment: 'production' });
  await staging.join('s', { environment: 'staging' });
  await general.join('g');
  const change = (config: ConfigFile) =>
    Object.assign(config.control, { tokens: { joinFor: { production: ['a-new-token'], staging: forStaging } } });
  await reload(balancer, change, /configuration reloaded/);
  await production.until(() => production.closed !== undefined, 'the connection to be closed');
  t.match(production.closed, { code: 1008, reason: /token is not valid any more/ });
  t.match(await staging.call('renew', { id: 's', instance: 's-1', projects: [] }), { result: { server: { id: 's' } } });
  t.match(await general.call('renew', { id: 'g', instance: 'g-1', projects: [] }), { result: { server: { id: 'g' } } });
  await t.rejects(JoinPeer.connect(t, balancer.control, forProduction), /401/);
  await JoinPeer.connect(t, balancer.control, 'a-new-token');
});

async function ask(balancer: BalancerUnderTest, path: string, headers: Record<string, string>): Promise<{ status: number }> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request(balancer.control + path, { headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
    })
      .on('error', reject)
      .end();
  });
}
