import t from 'tap';
import type { UsageAnswer } from '../../src/api/usage-answers.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { controlUnderTest, sampleProject } from './control-under-test.ts';

const counts = (requests: number, latencies: number[], more = {}) => ({
  requests,
  refused: 1,
  failed: 2,
  perSecond: 0.5,
  latencies,
  ...more,
});
const lists = { projects: [], routes: [], targets: [], policies: [], consumers: [], down: [] };

t.test('the counts of servers are added up: histograms rather than percentiles, and URLs are down if they are on one', async (t) => {
  const paths: string[] = [];
  const url = { url: 'http://127.0.0.1:1', up: true };
  const down = { ...url, up: false, reason: 'connection refused' };
  const report = (since: number, latencies: number[], requests: number, target: object, more: object = {}) =>
    JSON.stringify({
      ...lists,
      since,
      projects: [{ project: 'shop', ...counts(requests, latencies) }],
      routes: [{ project: 'shop', resource: '/x', ...counts(requests, latencies) }],
      targets: [{ project: 'shop', target: 'default', ...counts(requests, latencies), urls: [target, { url: 'http://b', up: null }] }],
      policies: [{ project: 'shop', policy: 'apiKey', refused: 1 }],
      consumers: Array.from({ length: 150 }, (_, at) => ({
        ...{ project: 'shop', consumer: `${since}-${at}`, lastSeen: since, ...counts(at, []) },
      })),
      ...more,
    });
  const { ask, registry } = await controlUnderTest(t, {
    reports: {
      async read(environment, path, take) {
        paths.push(`${environment} ${path}`);
        // 99 requests of a quarter of a millisecond at one server, one of a second at the other.
        await take('a', report(7, [0, 99], 99, url));
        await take(
          'b',
          report(5, [24, 1], 1, down, { down: [{ project: 'shop', target: 'default', url: url.url, reason: 'refused' }], later: 1 }),
        );
        const { down: _, ...partial } = JSON.parse(report(1, [0, 5], 5, url));
        await t.rejects(take('c', JSON.stringify(partial)), 'nothing of a report that has not all parts is added');
        return { asked: 4, silent: ['c', 'd'], unsupported: ['e'] };
      },
    },
  });
  await registry.putEnvironment('production', { servers: [{ id: 's', address: '127.0.0.1:1' }] });
  await ask('POST', '/v1/projects', { body: sampleProject('shop') });
  const { status, body } = (await ask('GET', '/v1/usage?environment=production&project=shop')) as { status: number; body: UsageAnswer };
  t.equal(status, 200);
  const sum = { requests: 100, refused: 2, failed: 4, perSecond: 1 };
  t.match(body, {
    since: 5,
    servers: { asked: 4, answered: 2, silent: ['c', 'd'], unsupported: ['s', 'e'] },
    projects: [
      {
        ...{ project: 'shop', ...sum },
        routes: [{ resource: '/x', ...sum }],
        targets: [
          {
            target: 'default',
            ...sum,
            urls: [
              { ...down, downOn: 1 },
              { url: 'http://b', up: null, downOn: 0 },
            ],
          },
        ],
        policies: [{ policy: 'apiKey', refused: 2 }],
      },
    ],
    consumersLeftOff: 100,
    down: [{ project: 'shop', target: 'default', url: url.url, reason: 'refused', downOn: 1 }],
  });
  const [shop] = body.projects;
  t.ok((shop?.p50 ?? 1) < 0.25 && (shop?.p99 ?? 1) <= 0.25, 'most were fast at one server, and there were most of them');
  t.equal(body.consumers.length, 200);
  t.same(
    body.consumers.slice(0, 3).map(({ requests }) => requests),
    [149, 149, 148],
    'the busiest first',
  );
  t.equal(body.consumers[0]?.p50, null);

  const one = (await ask('GET', '/v1/usage?environment=production&project=shop&consumer=5-3')).body as UsageAnswer;
  t.match(one.consumers, [{ consumer: '5-3', requests: 3, lastSeen: 5 }]);
  t.same([one.consumers.length, one.consumersLeftOff], [1, 0]);
  t.same(paths, ['production /.sluice/usage?project=shop'], 'both questions share one look at the servers');
  t.match((await ask('GET', '/v1/environments/production')).body.status, {
    targetsDown: [{ target: 'default', reason: 'refused', downOn: 1 }],
  });
  for (const [query, wanted] of [
    ['', 422],
    ['?environment=none', 404],
    ['?environment=production&project=none', 404],
    ['?environment=production&other=1', 422],
  ] as const)
    t.equal((await ask('GET', `/v1/usage${query}`)).status, wanted, query);
});

t.test('servers are asked only when somebody asks, and again after two seconds', async (t) => {
  const clock = new FakeClock();
  let reads = 0;
  const { ask, registry } = await controlUnderTest(t, {
    clock,
    reports: {
      async read() {
        reads++;
        return { asked: 0, silent: [], unsupported: [] };
      },
    },
  });
  await registry.putEnvironment('production', {});
  await clock.pass(60_000);
  t.equal(reads, 0);
  const usage = () => ask('GET', '/v1/usage?environment=production');
  t.match((await Promise.all([usage(), usage(), usage()]))[0]?.body, { since: null, projects: [], consumers: [], down: [] });
  t.equal(reads, 1);
  await clock.pass(2000);
  await usage();
  t.equal(reads, 2);
});
