import t from 'tap';
import { GatewayHandler } from '../../src/gateway/gateway-handler.ts';
import { projectFamilies } from '../../src/gateway/project-families.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { exposition } from '../../src/metrics/exposition.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { project as projectSchema } from '../../src/model/project.ts';
import type { SnapshotUpdate } from '../../src/model/snapshot-update.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { Scrape } from '../tools/scrape.ts';

function snapshot(version: number, ...projects: Record<string, unknown>[]): SnapshotUpdate {
  const deployed = projects.map((input) => ({ name: String(input['name']), revision: version, project: projectSchema.parse(input) }));
  return { environment: 'production', epoch: 'e', version, hash: String(version), variables: {}, put: deployed, removed: [] };
}

const shop = (more: Record<string, unknown> = {}) => ({
  name: 'shop',
  targets: { default: { url: 'http://127.0.0.1:9201/a/secret' } },
  ...more,
});

function setUp() {
  const applier = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock() });
  const handler = new GatewayHandler(
    {
      get table() {
        return applier.table;
      },
      ready: true,
    },
    logger,
  );
  /** Handles a request as if it ended with this status. */
  const ask = (method: string, path: string, status: number) => {
    const exchange = new FakeExchange(method, path);
    handler.request(exchange);
    exchange.counter.ended(status, 1);
  };
  const read = () => new Scrape(exposition(atOnce(projectFamilies(applier, handler.unmatched))));
  return { applier, ask, read };
}

t.test('counts continue across revisions and end with the project', async (t) => {
  const { applier, ask, read } = setUp();
  applier.apply(snapshot(1, shop({ basePath: '/shop', resources: [{ path: '/x', methods: ['GET'] }, { path: '/y' }] })));
  ask('GET', '/shop/x', 200);
  ask('DELETE', '/shop/x', 405);
  ask('GET', '/shop/z', 404);
  ask('GET', '/elsewhere', 404);
  const of = (resource: string, code: string) => read().sum('sluice_project_requests_total', { project: 'shop', resource, code });
  t.strictSame([of('/x', '2xx'), of('', '4xx'), of('/y', '2xx')], [1, 2, 0]);
  t.equal(read().sum('sluice_project_requests_total', { project: '', code: '4xx' }), 1);
  t.strictSame(
    Object.keys(read().by('resource', 'sluice_project_requests_total', { project: 'shop' })),
    ['', '/x'],
    '/y has had no request',
  );

  applier.apply(snapshot(2, shop({ basePath: '/shop', resources: [{ path: '/x', methods: ['GET', 'DELETE'] }] })));
  ask('DELETE', '/shop/x', 200);
  t.equal(of('/x', '2xx'), 2, 'the next revision continues the count');
  t.equal(read().sum('sluice_gateway_snapshots_applied_total'), 2);
  t.equal(read().sum('sluice_gateway_snapshot_version'), 2);

  applier.apply(snapshot(3, { ...shop(), basePath: '/shop', targets: { default: { url: '${' + 'variables.none}' } } }));
  t.equal(read().sum('sluice_gateway_project_rejections_total'), 1);
  t.strictSame(read().by('state', 'sluice_gateway_projects'), { rejected: 1 });
  t.equal(of('/x', '2xx'), 2, 'a rejected revision changes nothing');

  applier.apply(snapshot(4));
  t.equal(of('/x', '2xx'), 0);
});

t.test('projects without requests have no series', async (t) => {
  const { applier, ask, read } = setUp();
  const many = Array.from({ length: 300 }, (_, index) => ({ ...shop({ basePath: `/p${index}` }), name: `p${index}` }));
  applier.apply(snapshot(1, ...many));
  const before = read().counters.size;
  t.ok(before < 100, `${before} series for 300 projects`);
  ask('GET', '/p7/x', 200);
  t.ok(read().counters.size > before);
  for (const upstream of applier.table?.at('/p7')?.upstreams.values() ?? []) upstream.requests++;
  t.equal(read().sum('sluice_target_requests_total', { project: 'p7', target: 'default', upstream: '127.0.0.1:9201' }), 1);
  const { unmatched } = new GatewayHandler({ table: undefined, ready: true }, logger);
  t.notMatch(exposition(atOnce(projectFamilies(applier, unmatched))), /secret/, 'only host and port of a URL');
});
