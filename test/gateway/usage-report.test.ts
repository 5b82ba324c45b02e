import t, { type Test } from 'tap';
import { UsageTotals } from '../../src/control/views/usage-view.ts';
import { CallerDirectory } from '../../src/gateway/caller-directory.ts';
import { ConsumerCounts } from '../../src/gateway/consumer-counts.ts';
import { RecentConsumers } from '../../src/gateway/recent-consumers.ts';
import { RequestRate } from '../../src/gateway/request-rate.ts';
import { reportOf as reportOfAll, usageReport } from '../../src/gateway/usage-report.ts';
import { textHash } from '../../src/model/caller-tree.ts';
import { systemClock } from '../../src/model/clock.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { type UsageCounts, type UsageList, type UsageRow, usageRows } from '../../src/model/server-usage.ts';
import { type ServedProject, serveProject } from '../policies/served-project.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { policyServices } from '../tools/policy-services.ts';

type Report = { readonly [List in UsageList]: readonly UsageRow<List>[] };

function reportOf({ compiled }: Pick<ServedProject, 'compiled'>, project?: string): Report {
  const inputs = { projects: [compiled], since: 1, now: performance.now(), date: 5_000_000, project };
  const read = JSON.parse(atOnce(usageReport(inputs)).toString());
  return Object.fromEntries(
    Object.entries(usageRows).map(([list, row]) => [list, read[list].map((one: unknown) => row.parse(one))]),
  ) as unknown as Report;
}

const brief = ({ requests, refused, failed }: UsageCounts) => [requests, refused, failed];

/** Serves a project to consumers `anna` and `ben`, whose keys are `a` and `b`. */
function serve(t: Test, project: Parameters<typeof serveProject>[1]) {
  const callers = new CallerDirectory(new FakeClock());
  callers.known = true;
  const keys = (key: string) => [{ id: 'k', sha256: textHash(key) }];
  const consumer = (name: string, key: string) => ({ name, createdAt: 1, keys: keys(key), passwords: [], products: [] });
  callers.putBucket('123', JSON.stringify({ consumers: [consumer('anna', 'a'), consumer('ben', 'b')] }));
  return serveProject(t, project, policyServices({ callers, clock: systemClock }));
}

t.test('only refusals count as rejections of a policy: no preflight, redirect, mock, nor stored response', async (t) => {
  const served = await serve(t, {
    policies: { proxyRequest: [{ cors: { origins: ['https://a.example'] } }] },
    resources: [
      { path: '/mock', policies: { proxyRequest: [{ respond: { status: 503, body: 'maintenance' } }] } },
      { path: '/old', policies: { proxyRequest: [{ redirect: { to: 'https://new.example/' } }] } },
      { path: '/cached', policies: { proxyRequest: [{ cache: {} }] } },
      { path: '/keys', policies: { proxyRequest: [{ apiKey: { consumers: true } }] } },
      {
        path: '/limited',
        policies: { proxyRequest: [{ apiKey: { consumers: true } }, { rateLimit: { limit: 1, window: '1h', by: 'consumer' } }] },
      },
    ],
  });
  served.answer = (_, response) => void response.writeHead(404, { 'cache-control': 'max-age=60' }).end('gone');
  const send = async (path: string, headers = {}, method = 'GET') => (await served.send(method, `/shop${path}`, headers)).status;
  const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' };
  t.same(
    [
      await send('/keys', preflight, 'OPTIONS'),
      await send('/mock'),
      await send('/old'),
      await send('/cached'),
      await send('/cached'),
      await send('/keys'),
      await send('/limited', { 'x-api-key': 'a' }),
      await send('/limited', { 'x-api-key': 'a' }),
    ],
    [204, 503, 302, 404, 404, 401, 404, 429],
  );
  t.equal(served.arrived.length, 2, 'the second answer for /cached was a stored one');
  const { routes, policies, consumers, projects } = reportOf(served, 'shop');
  t.same(Object.fromEntries(routes.map(({ resource, ...counts }) => [resource, brief(counts)])), {
    '/keys': [2, 1, 0],
    '/mock': [1, 0, 1],
    '/old': [1, 0, 0],
    '/cached': [2, 0, 0],
    '/limited': [2, 1, 0],
  });
  t.same(
    policies.map(({ policy, refused }) => [policy, refused]),
    [
      ['apiKey', 1],
      ['rateLimit', 1],
    ],
  );
  t.same(projects.map(brief), [[8, 2, 1]]);
  t.same(
    consumers.map(({ consumer, ...counts }) => [consumer, ...brief(counts)]),
    [['anna', 2, 1, 0]],
  );
});

t.test('routes, targets and consumers are reported with failures, latencies and the health of URLs', async (t) => {
  const down = 'http://127.0.0.1:1';
  const served = await serve(t, {
    targets: {
      default: { url: '${variables.backend}' },
      far: { urls: [{ url: `${down}/a/secret` }], health: { interval: '100ms' } },
    },
    policies: { proxyRequest: [{ apiKey: { consumers: true } }] },
    resources: [{ path: '/', childPaths: true }, { path: '/far', target: 'far' }, { path: '/unused' }],
  });
  const [backend] = [...served.compiled.upstreams.values()].map(({ authority }) => `http://${authority}`);
  await eventually(
    async () => [...served.compiled.health.values()].some(({ outFor }) => outFor !== undefined),
    (out) => out,
  );
  served.answer = (request, response) => void response.writeHead(request.url?.endsWith('/bad') ? 500 : 200).end('ok');
  t.match(
    reportOf(served, 'shop'),
    { projects: [{ requests: 0 }], targets: [{ requests: 0 }, { urls: [{ up: false }] }] },
    'before any request',
  );
  for (const [path, key] of [
    ['/x', 'a'],
    ['/x', 'b'],
    ['/bad', 'b'],
    ['/far', 'b'],
    ['/x', '?'],
  ] as const)
    await served.send('GET', `/shop${path}`, { 'x-api-key': key });
  const { projects, routes, targets, consumers, down: out } = reportOf(served, 'shop');
  t.same(
    routes.map(({ resource, ...counts }) => [resource, ...brief(counts)]),
    [
      ['/', 4, 1, 1],
      ['/far', 1, 0, 1],
    ],
    '/unused had no request',
  );
  t.same(
    targets.map(({ target, urls, ...counts }) => [target, ...brief(counts), urls]),
    [
      ['default', 3, 0, 1, [{ url: backend, up: null }]],
      ['far', 1, 0, 1, [{ url: down, up: false, reason: 'connection refused' }]],
    ],
  );
  t.same(out, [{ project: 'shop', target: 'far', url: down, reason: 'connection refused' }], 'without the path, which could be secret');
  t.same(
    consumers.map(({ consumer, ...counts }) => [consumer, ...brief(counts)]),
    [
      ['anna', 1, 0, 0],
      ['ben', 3, 0, 2],
    ],
  );
  for (const { requests, latencies } of [...projects, ...routes, ...consumers])
    t.equal(
      latencies.reduce((sum, count, at) => sum + (at % 2) * count, 0),
      requests,
      'the histogram has every request',
    );
  for (const { lastSeen } of consumers) t.ok(Math.abs(lastSeen - 5_000_000) < 60_000, 'in milliseconds since 1970');
  for (const { perSecond } of [...projects, ...routes, ...targets, ...consumers]) t.ok(perSecond > 0);

  const total = reportOf(served);
  t.same([total.routes, total.targets, total.policies], [[], [], []], 'totals are short');
  t.same([total.projects.map(brief), total.consumers.length, total.down], [projects.map(brief), 2, out]);
  t.same(reportOf(served, 'pay').projects, []);

  served.redeploy({ targets: { default: { url: '${variables.backend}' } }, resources: [{ path: '/', childPaths: true }] });
  const next = reportOf(served, 'shop');
  t.same(
    [next.routes.map(brief), next.targets.map(brief), next.consumers.length],
    [[[4, 1, 1]], [[3, 0, 1]], 2],
    'the next revision goes on',
  );
});

t.test('a server counts a bounded number of consumers apart: one that called longest ago is counted with the others', async (t) => {
  const recent = new RecentConsumers(3);
  const shop = new ConsumerCounts(recent);
  const pay = new ConsumerCounts(recent);
  const call = (counts: ConsumerCounts, consumer: string, status = 200) => {
    const count = counts.of(consumer);
    if (status === 429) count.refuse(status);
    return () => count.ended(status, 1, 1);
  };
  const shown = (counts: ConsumerCounts) =>
    [...counts, counts.others].map(({ consumer, requests, refused }) => [consumer, requests, refused]);
  call(shop, 'anna', 429)();
  call(pay, 'anna')();
  call(shop, 'ben')();
  const late = call(shop, 'anna');
  call(shop, 'carl')();
  t.same(shown(pay), [['', 1, 0]], 'over all projects');
  call(pay, 'ben')();
  t.same(shown(shop), [
    ['anna', 1, 1],
    ['carl', 1, 0],
    ['', 1, 0],
  ]);
  call(pay, 'carl')();
  call(pay, 'dora')();
  late();
  t.same(shown(shop), [['', 4, 1]], 'what ends late is counted there, too');
  call(pay, 'x'.repeat(101))();
  t.same(
    [...pay.bySeries].map(([name, { requests }]) => [name, requests]),
    [
      ['ben', 1],
      ['carl', 1],
      ['dora', 1],
      ['other', 2],
    ],
  );
  t.equal(
    pay.others.durations.counts.reduce((sum, count) => sum + count),
    2,
  );
});

t.test('the rate is that of the latest half minute', async (t) => {
  const rate = new RequestRate();
  const at = (seconds: number) => Math.round(rate.perSecond(seconds * 1000) * 100) / 100;
  for (let second = 0; second < 10; second++) rate.count(second * 1000);
  t.equal(at(10), 1, 'soon after the start');
  for (let second = 10; second < 45; second++) rate.count(second * 1000);
  t.equal(at(45), 1);
  t.equal(at(75), 0.25);
  t.equal(at(90), 0);
  t.equal(at(1000), 0);
  const target = new RequestRate();
  new RequestRate().count(1_000_000);
  target.countWithoutClock();
  t.equal(target.perSecond(1_010_000) > 0, true, 'in the window of what was counted last');
});

t.test('the report of a server that several processes serve adds rows up and tells of each URL that is down once', async (t) => {
  const counts = { requests: 2, refused: 0, failed: 0, perSecond: 1, latencies: [] };
  const down = { project: 'p', target: 'default', url: 'http://a', reason: 'refused' };
  const target = (up: boolean) => ({ project: 'p', target: 'default', ...counts, urls: [{ url: 'http://a', up, reason: 'refused' }] });
  const rows = (isDown: boolean) => ({
    ...{ routes: '', policies: '', consumers: '', projects: JSON.stringify({ project: 'p', ...counts }) },
    targets: JSON.stringify(target(!isDown)),
    down: isDown ? JSON.stringify(down) : '',
  });
  const totals = new UsageTotals();
  await totals.add(reportOfAll(1, [rows(false), rows(true), rows(true)]));
  const { projects, down: isDown } = await totals.answer();
  t.equal(totals.answered, 1);
  t.match(projects, [{ project: 'p', requests: 6, targets: [{ requests: 6, urls: [{ url: 'http://a', up: false, downOn: 1 }] }] }]);
  t.same(isDown, [{ ...down, downOn: 1 }]);
});

t.test('the report of thousands of projects becomes octets in pieces, too', async (t) => {
  const served = await serve(t, { resources: [{ path: '/one' }] });
  await served.send('GET', '/shop/one');
  const projects = Array.from({ length: 3000 }, () => served.compiled);
  const pieces = [...usageReport({ projects, since: 1, now: performance.now(), date: 5_000_000 })].length;
  const octets = atOnce(usageReport({ projects, since: 1, now: performance.now(), date: 5_000_000 }));
  t.equal(JSON.parse(octets.toString()).projects.length, 3000);
  const [rows, perPiece] = [3000 * 2, 32 * 1024];
  t.ok(pieces - rows > octets.length / perPiece, `${pieces - rows} pieces of ${octets.length} octets after ${rows} of the rows`);
});
