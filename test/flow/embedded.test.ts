import { createServer, type ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import t, { test } from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import type { KeyMade } from '../../src/api/caller-answers.ts';
import type { UsageAnswer } from '../../src/api/usage-answers.ts';
import { deployEcho, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { listening } from '../tools/listening.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { Scrape } from '../tools/scrape.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import {
  type BalancerUnderTest,
  current,
  joinToken,
  onFreePorts,
  operate,
  serving,
  startBalancer,
  startGateway,
  testEnvironment,
} from '../tools/sluice-under-test.ts';

// Side by side: each test has processes of its own, and waits most of the time.
t.jobs = 4;

const embedded = { ...testEnvironment, embedded: { id: 'here', weight: 1 } };

async function servedBy(address: string): Promise<string | null> {
  const response = await fetch(`http://${address}/echo/x`);
  await response.text();
  return response.headers.get('x-served-by');
}

test('sluice up --gateways 0 is one process, and a gateway server that joins shares its requests', { timeout: 60_000 }, async (t) => {
  const sluice = SluiceProcess.start(t, ['up', '--gateways', '0'], {
    folder: ownFolder(t),
    env: { ...onFreePorts, SLUICE_JOIN_TOKEN: joinToken },
  });
  const banner = await sluice.printed((out) => (out.includes('Ctrl-C stops') ? out : undefined));
  t.match(banner, /one process that is balancer and gateway server/);
  const [, hello = ''] = /curl (http:\S+)/.exec(banner) ?? [];
  const [, control = ''] = /Admin API +(http:\/\/127\.0\.0\.1:\d+)/.exec(banner) ?? [];
  const first = await fetch(hello);
  t.match(await first.json(), { hello: 'from the sample target' });
  const own = first.headers.get('x-served-by');
  const gateway = await startGateway(t, 'second', control);
  const seen = new Set<string | null>();
  const wrong: number[] = [];
  const ask = async () => {
    const { status, headers } = await fetch(hello);
    if (status !== 200) wrong.push(status);
    seen.add(headers.get('x-served-by'));
  };
  await eventually(ask, () => seen.size === 2);
  t.strictSame([...seen].sort(), [own, 'second'].sort());
  gateway.signal('SIGTERM');
  let ended = false;
  void gateway.ended().then(() => {
    ended = true;
  });
  while (!ended) await ask();
  for (let more = 0; more < 20; more++) await ask();
  t.strictSame(wrong, [], 'a server that joins and leaves loses no request');
  sluice.signal('SIGINT');
  t.equal(await sluice.ended(), 0);
});

test('the balancer is a server like any other: weighted, drained, shown, taken out by a setting', { timeout: 60_000 }, async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, {}, { production: embedded });
  await deployEcho(balancer, target.url);
  const [server] = await eventually(
    () => serving(balancer, ['here']),
    ([here]) => here?.projects.length === 1,
  );
  t.match(server, {
    id: 'here',
    embedded: true,
    address: null,
    state: 'ready',
    health: 'up',
    weight: 1,
    projects: [{ name: 'echo', state: 'active' }],
  });
  t.equal(await servedBy(balancer.address), 'here');
  const status = await operate(t, balancer, 'status');
  t.match(status.out, /here +\S+.* in the balancer/, status.out);

  await startGateway(t, 'a', balancer.control);
  await serving(balancer, ['a', 'here']);
  const load = new Load(balancer.address, '/echo/', { clients: 8 });
  const until = (wanted: string) =>
    eventually(
      async () => new Set(await Promise.all(Array.from({ length: 8 }, () => servedBy(balancer.address)))),
      (seen) => [...seen].sort().join() === wanted,
      { what: `requests served by ${wanted}` },
    );
  await until('a,here');
  await balancer.api('PATCH', '/v1/servers/here', { draining: true });
  await until('a');
  await balancer.api('PATCH', '/v1/servers/here', { draining: false });
  await until('a,here');
  await balancer.api('PUT', '/v1/environments/production', { ...embedded, embedded: { id: 'here', weight: 0 } });
  await until('a');
  t.match(await balancer.api('GET', '/v1/servers/here'), { weight: 0 });
  await balancer.api('PUT', '/v1/environments/production', embedded);
  await until('a,here');
  await balancer.api('PUT', '/v1/environments/production', testEnvironment);
  await until('a');
  await eventually(
    async () =>
      ((await balancer.api('GET', '/v1/servers')) as { servers: ServerAnswer[] }).servers ?? (await balancer.api('GET', '/v1/servers')),
    (servers) => !JSON.stringify(servers).includes('"here"'),
  );
  await balancer.api('PUT', '/v1/environments/production', embedded);
  await until('a,here');
  await load.more(100);
  t.strictSame((await load.stop()).wrong, [], 'none of this loses a request');
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
});

test("an environment's limits, queue, times and retries hold for the balancer's own process", { timeout: 60_000 }, async (t) => {
  const waiting: ServerResponse[] = [];
  const slow = await listening(
    t,
    createServer((request, response) => {
      if (request.url === '/slow') waiting.push(response);
      else response.end('quick');
    }),
  );
  const limited = (more: Record<string, unknown>) => ({ ...testEnvironment, embedded: { id: 'here' }, ...more });
  const balancer = await startBalancer(
    t,
    {},
    { production: limited({ limits: { connectionsPerServer: 1, queue: 1, queueTimeout: '30s' } }) },
  );
  const project = { name: 'slow', basePath: '/', targets: { default: { url: `http://${slow}` } } };
  await balancer.api('POST', '/v1/projects', project);
  await balancer.api('PUT', '/v1/environments/production/deployments/slow', {});
  await serving(balancer, ['here']);
  // Settings that have just been changed may not be in force yet: the answer would be long in coming.
  const ask = (path: string) =>
    fetch(`http://${balancer.address}${path}`, { signal: AbortSignal.timeout(5000) }).then(
      async (response) => `${response.status} ${await response.text()}`,
      (error: Error) => error.name,
    );
  await eventually(
    () => ask('/quick'),
    (answer) => answer === '200 quick',
  );
  const first = ask('/slow');
  await eventually(
    () => waiting.length,
    (count) => count === 1,
  );
  const others = [ask('/quick'), ask('/quick')];
  t.match(await Promise.race(others), /^503 .*queue-full/, 'one has to wait, and the queue has room for one');
  waiting.pop()?.end('done');
  t.equal(await first, '200 done');
  t.ok((await Promise.all(others)).includes('200 quick'), 'the other one waits for the first');

  await balancer.api('PUT', '/v1/environments/production', limited({ timeouts: { responseHead: '300ms' }, retries: { attempts: 1 } }));
  t.match(
    await eventually(
      () => ask('/slow'),
      (answer) => answer.startsWith('504'),
    ),
    /response-timeout/,
  );
  await balancer.api('PUT', '/v1/environments/production', limited({ timeouts: { total: '300ms' } }));
  t.match(
    await eventually(
      () => ask('/slow'),
      (answer) => answer.includes('total'),
    ),
    /^504 .*total-timeout/,
  );
  // On a slow machine even a quick answer may take longer than the limit.
  await eventually(
    () => ask('/quick'),
    (answer) => answer === '200 quick',
  );
  t.match(await ask('/.sluice/ready'), /^404/, 'paths of the server itself are not shown');
});

test('with worker processes each of them serves requests itself, as one server', { timeout: 90_000 }, async (t) => {
  const target = await startTarget(t);
  const balancer = await startBalancer(t, { workers: 2 }, { production: embedded });
  await deployEcho(balancer, target.url);
  const locked = {
    ...{ name: 'locked', basePath: '/locked', targets: { default: { url: target.url } } },
    policies: { proxyRequest: [{ apiKey: { consumers: true } }, { rateLimit: { limit: 5, window: '1h', by: 'all' } }] },
  };
  await balancer.api('POST', '/v1/projects', locked);
  await balancer.api('PUT', '/v1/consumers/anna', {});
  const { key, id: keyId } = (await balancer.api('POST', '/v1/consumers/anna/keys')) as KeyMade;
  await balancer.api('PUT', '/v1/environments/production/deployments/locked', {});
  await current(balancer, 1);
  t.match(await serving(balancer, ['here']), [{ id: 'here', embedded: true, address: null, state: 'ready', health: 'up' }]);
  const ask = async (path: string, fields: Record<string, string> = {}) => {
    const response = await fetch(`http://${balancer.address}${path}`, { headers: { connection: 'close', ...fields } });
    await response.text();
    return response;
  };

  // Once a revision counts as current it is what every worker serves.
  const load = new Load(balancer.address, '/echo/', { clients: 8 });
  await load.more(50);
  for (let revision = 2; revision <= 4; revision++) {
    await deployEcho(balancer, target.url, String(revision));
    await current(balancer, 1);
    for (let each = 0; each < 8; each++) t.equal((await ask('/echo/x')).headers.get('x-revision'), String(revision));
  }

  // A worker that is killed loses the requests that it has; its successor serves none before it has what is deployed.
  const workers = () => balancer.process.log.filter(({ msg }) => msg === 'worker ready').map((line) => Number(line['pid']));
  const [killed] = workers();
  await load.losing('any', async () => {
    process.kill(killed as number, 'SIGKILL');
    await balancer.process.logged(() => workers().length === 3);
  });
  t.equal((await ask('/locked/x')).status, 401);
  const statuses = await Promise.all(Array.from({ length: 24 }, async () => (await ask('/locked/x', { 'x-api-key': key })).status));
  t.strictSame(
    [200, 429].map((wanted) => statuses.filter((status) => status === wanted).length),
    [5, 19],
    'one limit for all workers',
  );
  await load.more(50);
  const { wrong } = await load.stop();
  t.strictSame(wrong, []);

  const usage = (await balancer.api('GET', '/v1/usage?environment=production')) as UsageAnswer;
  t.same(usage.servers, { asked: 1, answered: 1, silent: [], unsupported: [] });
  t.match(
    usage.projects.find(({ project }) => project === 'locked'),
    { requests: 25, refused: 20 },
  );
  t.match(usage.consumers, [{ project: 'locked', consumer: 'anna', requests: 24 }]);
  const scrape = new Scrape(await (await fetch(`${balancer.control}/metrics`)).text());
  const labels = { environment: 'production', server: 'here' };
  t.equal(scrape.sum('sluice_project_requests_total', { ...labels, project: 'locked' }), 25);
  t.equal(scrape.sum('sluice_gateway_projects', { ...labels, state: 'active' }), 2);
  t.ok(scrape.sum('sluice_target_requests_total', { ...labels, project: 'echo' }) > 100);
  t.equal(scrape.sum('sluice_server_connects_total', { server: 'here' }), 0, 'there is no connection to it');
  t.strictSame(scrape.doubles, []);

  await balancer.api('DELETE', `/v1/consumers/anna/keys/${keyId}`);
  const shown = () => Promise.all(Array.from({ length: 8 }, async () => (await ask('/locked/x', { 'x-api-key': key })).status));
  await eventually(shown, (seen) => seen.every((status) => status === 401), { what: 'a revoked key to be refused by every worker' });

  t.equal((await operate(t, balancer, 'server', 'drain', 'here')).status, 0);
  t.equal((await ask('/echo/x')).status, 503);
  t.equal((await operate(t, balancer, 'server', 'resume', 'here')).status, 0);
  await eventually(
    () => servedBy(balancer.address),
    (id) => id === 'here',
  );
  balancer.process.signal('SIGTERM');
  t.equal(await balancer.process.ended(), 0);
});

test('of two balancers on one Redis, each has a server of its own, which the other one shows', { timeout: 90_000 }, async (t) => {
  const redis = await startRedis(t);
  const admin = new Redis(redis.url);
  t.teardown(() => admin.disconnect());
  const target = await startTarget(t);
  const settings = { registry: { url: redis.url } };
  const one = await startBalancer(t, settings);
  const other = await startBalancer(t, { ...settings, workers: 1 });
  const both = [one, other];
  const servers = async (of: BalancerUnderTest) =>
    new Map(((await of.api('GET', '/v1/servers?environment=production')) as ServerAnswer[]).map((server) => [server.id, server]));

  // The contents of the deployed revision are lost: a server that has none of it rejects it, and serves the one before.
  await deployEcho(one, target.url);
  await deployEcho(one, target.url, '2');
  await admin.hdel('{sluice}:revision', 'echo@2');
  await one.api('PUT', '/v1/environments/production', { ...testEnvironment, embedded: true });
  const ids = (await Promise.all(
    both.map(({ address }) =>
      eventually(
        () => servedBy(address),
        (id) => id !== null,
      ),
    ),
  )) as string[];
  const revision = async ({ address }: BalancerUnderTest) => (await fetch(`http://${address}/echo/x`)).headers.get('x-revision');
  for (const balancer of both) t.equal(await revision(balancer), '1');
  const rejecting = (await operate(t, one, 'status')).out;
  for (const id of ids) t.match(rejecting, new RegExp(`${id}: rejecting: echo: .*lost it.*revision 1 is still served`));
  await deployEcho(one, target.url, '3');
  await current(one, 2);
  for (const balancer of both) t.equal(await revision(balancer), '3');

  t.equal(new Set(ids).size, 2, 'each balancer has a server, whose id is its own');
  for (const [index, balancer] of both.entries()) {
    const [own = '', foreign = ''] = index === 0 ? ids : [...ids].reverse();
    const shown = await servers(balancer);
    t.match(shown.get(own), { state: 'ready', health: 'up', embedded: true });
    t.match(shown.get(foreign), { state: 'ready', health: 'unknown', embedded: true, elsewhere: true });
    const { out } = await operate(t, balancer, 'status');
    t.match(out, /production +\S+ +\* +round-robin +v\d+ +1 of 1/);
    t.match(out, new RegExp(`${own} .* in the balancer `));
    t.match(out, new RegExp(`${foreign} .* in another balancer `));
    t.notMatch(out, /checking|waiting/);
    const usage = (await balancer.api('GET', '/v1/usage?environment=production')) as UsageAnswer;
    t.same(usage.servers, { asked: 2, answered: 1, silent: [], unsupported: [foreign] });
  }

  // The other one's server is drained here: its own balancer has no other one.
  const load = new Load(one.address, '/echo/', { clients: 4 });
  await load.more(20);
  const status = async () => (await fetch(`http://${other.address}/echo/x`)).status;
  const operated = async (...args: string[]) => t.match(await operate(t, one, 'server', ...args), { status: 0 });
  await operated('drain', ids[1] as string);
  await eventually(status, (seen) => seen === 503);
  await operated('resume', ids[1] as string);
  await eventually(status, (seen) => seen === 200);
  await operated('weight', ids[1] as string, '0');
  await eventually(status, (seen) => seen === 503);
  await operated('weight', ids[1] as string, '2');
  await eventually(status, (seen) => seen === 200);
  other.process.signal('SIGTERM');
  t.equal(await other.process.ended(), 0);
  await eventually(
    () => servers(one),
    (shown) => shown.size === 1,
  );
  await load.more(50);
  t.strictSame((await load.stop()).wrong, []);
});
