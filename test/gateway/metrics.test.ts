import t from 'tap';
import { GatewayHandler } from '../../src/gateway/handler.ts';
import { projectFamilies } from '../../src/gateway/metrics.ts';
import { SnapshotApplier } from '../../src/gateway/snapshot-applier.ts';
import { exposition } from '../../src/metrics/exposition.ts';
import { project as projectSchema } from '../../src/model/project.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { Scrape } from '../flow/scrape.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { FakeExchange } from '../tools/fake-exchange.ts';
import { keptLogger } from '../tools/fake-logger.ts';

function snapshot(version: number, ...projects: Record<string, unknown>[]): Snapshot {
  const deployed = projects.map((input) => ({ name: String(input['name']), revision: version, project: projectSchema.parse(input) }));
  return { environment: 'production', epoch: 'e', version, hash: String(version), variables: {}, projects: deployed };
}

const shop = (more: Record<string, unknown> = {}) => ({
  name: 'shop',
  targets: { default: { url: 'http://127.0.0.1:9201/a/secret' } },
  ...more,
});

function setUp() {
  const { logger } = keptLogger();
  const deployments = new SnapshotApplier({ random: () => 0, logger, clock: new FakeClock() });
  const handler = new GatewayHandler(
    {
      get table() {
        return deployments.table;
      },
      ready: true,
    },
    logger,
  );
  /** As if it had ended with this status. */
  const ask = (method: string, path: string, status: number) => {
    const exchange = new FakeExchange(method, path);
    handler.request(exchange);
    exchange.counter.ended(status, 1);
  };
  const read = () => new Scrape(exposition(projectFamilies(deployments, handler.missed)));
  return { deployments, ask, read };
}

t.test('counts go on over revisions, and end with the project', async (t) => {
  const { deployments, ask, read } = setUp();
  deployments.apply(snapshot(1, shop({ basePath: '/shop', resources: [{ path: '/x', methods: ['GET'] }, { path: '/y' }] })));
  ask('GET', '/shop/x', 200);
  ask('DELETE', '/shop/x', 405);
  ask('GET', '/shop/z', 404);
  ask('GET', '/elsewhere', 404);
  const of = (resource: string, code: string) => read().sum('sluice_project_requests_total', { project: 'shop', resource, code });
  t.strictSame([of('/x', '2xx'), of('', '4xx'), of('/y', '2xx')], [1, 2, 0]);
  t.equal(read().sum('sluice_project_requests_total', { project: '', code: '4xx' }), 1);
  t.strictSame(Object.keys(read().by('resource', 'sluice_project_requests_total', { project: 'shop' })), ['', '/x'], 'nobody asked for /y');

  deployments.apply(snapshot(2, shop({ basePath: '/shop', resources: [{ path: '/x', methods: ['GET', 'DELETE'] }] })));
  ask('DELETE', '/shop/x', 200);
  t.equal(of('/x', '2xx'), 2, 'the next revision counts on');
  t.equal(read().sum('sluice_gateway_snapshots_applied_total'), 2);
  t.equal(read().sum('sluice_gateway_snapshot_version'), 2);

  deployments.apply(snapshot(3, { ...shop(), basePath: '/shop', targets: { default: { url: '${' + 'variables.none}' } } }));
  t.equal(read().sum('sluice_gateway_project_rejections_total'), 1);
  t.strictSame(read().by('state', 'sluice_gateway_projects'), { rejected: 1 });
  t.equal(of('/x', '2xx'), 2, 'what could not be applied changes nothing');

  deployments.apply(snapshot(4));
  t.equal(of('/x', '2xx'), 0);
});

t.test('of projects that nobody asks for there are no series', async (t) => {
  const { deployments, ask, read } = setUp();
  const many = Array.from({ length: 300 }, (_, index) => ({ ...shop({ basePath: `/p${index}` }), name: `p${index}` }));
  deployments.apply(snapshot(1, ...many));
  const before = read().counters.size;
  t.ok(before < 100, `${before} series for 300 projects`);
  ask('GET', '/p7/x', 200);
  t.ok(read().counters.size > before);
  for (const upstream of deployments.table?.projects[7]?.upstreams.values() ?? []) upstream.requests++;
  t.equal(read().sum('sluice_target_requests_total', { project: 'p7', target: 'default', upstream: '127.0.0.1:9201' }), 1);
  const { missed } = new GatewayHandler({ table: undefined, ready: true }, keptLogger().logger);
  t.notMatch(exposition(projectFamilies(deployments, missed)), /secret/, 'of a URL only host and port');
});
