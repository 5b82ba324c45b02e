import t from 'tap';
import { CountChanges } from '../../../src/balancer/workers/count-changes.ts';
import { FleetCounts } from '../../../src/balancer/workers/fleet-counts.ts';
import {
  countsOfEnvironment,
  countsOfListener,
  countsOfServer,
  type KeyedCounts,
  noWorkerCounts,
} from '../../../src/balancer/workers/worker-counts.ts';
import { noEnvironmentCounts, noListenerCounts, noServerCounts, type ServerCounts } from '../../../src/model/counts.ts';
import { LatencyHistogram } from '../../../src/model/latency.ts';
import type { LiveServer, ServerGauges } from '../../../src/model/live.ts';
import { server, table } from '../tables.ts';

/** Counts and gauges of server `a` in one worker. */
function counted(requests: number, more: Partial<LiveServer> = {}): KeyedCounts<ServerCounts, ServerGauges> {
  const latencies = new LatencyHistogram();
  for (let answer = 0; answer < requests; answer++) latencies.observe(2);
  return countsOfServer({
    ...noServerCounts,
    id: 'a',
    environment: 'production',
    address: '127.0.0.1:9101',
    weight: 1,
    health: 'up',
    active: 0,
    upgraded: 0,
    connections: 0,
    idle: 0,
    requests,
    statuses: [0, 0, requests, 0, 0, 0],
    latencies: latencies.plain,
    ...more,
  });
}

type ServerChanges = CountChanges<ServerCounts, ServerGauges>;

/** The report that a worker sends for these counts. */
function reportOf(changes: ServerChanges, counts: KeyedCounts<ServerCounts, ServerGauges>) {
  return { ...noWorkerCounts, servers: changes.changes([counts]) };
}

t.test('only changes are reported', async (t) => {
  const changes: ServerChanges = new CountChanges();
  t.match(changes.changes([counted(3, { active: 2 })]), [
    { key: 'production a', counts: { requests: 3, statuses: [0, 0, 3, 0, 0, 0] }, gauges: { active: 2 } },
  ]);
  t.strictSame(changes.changes([counted(3, { active: 2 })]), [], 'without changes');
  t.match(changes.changes([counted(3, { active: 1 })]), [{ counts: { requests: 0 }, gauges: { active: 1 } }], 'only a gauge has changed');
  const failed = { ...noServerCounts.failed, reset: 1 };
  t.match(changes.changes([counted(5, { failures: 1, failed })]), [
    { counts: { requests: 2, failures: 1, failed: { reset: 1 }, latencies: { sumMs: 4 } }, gauges: { active: 0 } },
  ]);
  t.match(
    changes.changes([counted(1)]),
    [{ counts: { requests: 1, failures: 0 } }],
    'counts that went down start from zero: the server left and came back',
  );
  t.strictSame(changes.changes([]), []);
  t.match(changes.changes([counted(1)]), [{ counts: { requests: 1 } }], 'a server that left is forgotten');
});

t.test('counts of all workers add up, those of dead workers included', async (t) => {
  const fleet = new FleetCounts();
  const production = table([server('a'), server('b', { health: 'down', reason: 'silent' })]);
  fleet.follow(production);
  const one: ServerChanges = new CountChanges();
  const two: ServerChanges = new CountChanges();
  fleet.add(1, reportOf(one, counted(3, { active: 2, upgraded: 1 })));
  fleet.add(2, reportOf(two, counted(4, { active: 1 })));
  fleet.add(2, reportOf(two, counted(5, { active: 1, failures: 1 })));
  t.match(
    [...fleet.servers(production)],
    [
      { id: 'a', requests: 8, failures: 1, statuses: [0, 0, 8, 0, 0, 0], active: 3, upgraded: 1, health: 'up', latencies: { sumMs: 16 } },
      { id: 'b', requests: 0, active: 0, health: 'down', reason: 'silent' },
    ],
  );
  t.equal(fleet.active(1), 1, 'without upgraded connections');
  fleet.forget(1);
  t.match([...fleet.servers(production)][0], { requests: 8, active: 1, upgraded: 0 });
  fleet.follow(table([server('a', { weight: 5 })]));
  t.match([...fleet.servers(table([server('a', { weight: 5 })]))], [{ requests: 8, weight: 5 }], 'counts survive a change of settings');
});

t.test('health and ejection come from the table', async (t) => {
  const fleet = new FleetCounts();
  const production = table([server('a', { ejected: true, reason: 'too many failures' })]);
  fleet.follow(production);
  t.match([...fleet.servers(production)], [{ health: 'ejected', reason: 'too many failures' }]);
  const down = table([server('a', { ejected: true, health: 'down', reason: 'refused' })]);
  t.match([...fleet.servers(down)], [{ health: 'down', reason: 'refused' }]);
});

t.test('counts of removed servers and environments are forgotten', async (t) => {
  const fleet = new FleetCounts();
  const production = table([server('a')]);
  fleet.follow(production);
  const changes: ServerChanges = new CountChanges();
  fleet.add(1, reportOf(changes, counted(3)));
  fleet.follow(table([]));
  fleet.add(1, reportOf(changes, counted(4)));
  fleet.follow(production);
  t.match([...fleet.servers(production)], [{ requests: 0 }]);
  fleet.remove('production');
  fleet.add(1, reportOf(changes, counted(9)));
  fleet.follow(production);
  t.match([...fleet.servers(production)], [{ requests: 0 }]);
});

t.test('environments and listeners add up in the same way', async (t) => {
  const fleet = new FleetCounts();
  fleet.follow(table([]));
  fleet.followListener('127.0.0.1:0');
  const environment = { ...noEnvironmentCounts, name: 'production', own: { 'no-server': 2 }, waiting: 1, panicking: 1 };
  const listener = { ...noListenerCounts, listen: '127.0.0.1:0', accepted: 3, connections: 2, limit: 5 };
  const one = { servers: [], environments: [countsOfEnvironment(environment)], listeners: [countsOfListener(listener)] };
  fleet.add(1, one);
  fleet.add(2, { ...one, environments: [countsOfEnvironment({ ...environment, own: { 'no-server': 1, 'queue-full': 4 } })] });
  t.match(fleet.environments(), [{ name: 'production', own: { 'no-server': 3, 'queue-full': 4 }, waiting: 2, panicking: 2 }]);
  t.match(fleet.listeners(), [{ listen: '127.0.0.1:0', accepted: 6, connections: 4, limit: 10 }]);
  fleet.forget(2);
  t.match(
    fleet.environments(),
    [{ own: { 'no-server': 3, 'queue-full': 4 }, waiting: 1 }],
    'the counts of an ended worker stay, its gauges do not',
  );
  fleet.removeListener('127.0.0.1:0');
  fleet.remove('production');
  fleet.add(1, one);
  t.strictSame([fleet.environments(), fleet.listeners()], [[], []]);
});
