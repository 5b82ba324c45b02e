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

/** What one worker has counted for `a` so far. */
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

type ServerReport = CountChanges<ServerCounts, ServerGauges>;

/** What a worker tells when it has counted that. */
function told(report: ServerReport, measure: KeyedCounts<ServerCounts, ServerGauges>) {
  return { ...noWorkerCounts, servers: report.changes([measure]) };
}

t.test('only what is new is reported', async (t) => {
  const report: ServerReport = new CountChanges();
  t.match(report.changes([counted(3, { active: 2 })]), [
    { key: 'production a', counts: { requests: 3, statuses: [0, 0, 3, 0, 0, 0] }, gauges: { active: 2 } },
  ]);
  t.strictSame(report.changes([counted(3, { active: 2 })]), [], 'nothing has changed');
  t.match(report.changes([counted(3, { active: 1 })]), [{ counts: { requests: 0 }, gauges: { active: 1 } }], 'only what is in flight');
  const failed = { ...noServerCounts.failed, reset: 1 };
  t.match(report.changes([counted(5, { failures: 1, failed })]), [
    { counts: { requests: 2, failures: 1, failed: { reset: 1 }, latencies: { sumMs: 4 } }, gauges: { active: 0 } },
  ]);
  t.match(report.changes([counted(1)]), [{ counts: { requests: 1, failures: 0 } }], 'it left and came back in between');
  t.strictSame(report.changes([]), []);
  t.match(report.changes([counted(1)]), [{ counts: { requests: 1 } }], 'of who left nothing is remembered');
});

t.test('workers add up, and what a dead one did stays', async (t) => {
  const tallies = new FleetCounts();
  const production = table([server('a'), server('b', { health: 'down', reason: 'silent' })]);
  tallies.follow(production);
  const one: ServerReport = new CountChanges();
  const two: ServerReport = new CountChanges();
  tallies.take(1, told(one, counted(3, { active: 2, upgraded: 1 })));
  tallies.take(2, told(two, counted(4, { active: 1 })));
  tallies.take(2, told(two, counted(5, { active: 1, failures: 1 })));
  t.match(tallies.servers(production), [
    { id: 'a', requests: 8, failures: 1, statuses: [0, 0, 8, 0, 0, 0], active: 3, upgraded: 1, health: 'up', latencies: { sumMs: 16 } },
    { id: 'b', requests: 0, active: 0, health: 'down', reason: 'silent' },
  ]);
  t.equal(tallies.active(1), 1, 'upgraded ones aside');
  tallies.forget(1);
  t.match(tallies.servers(production)[0], { requests: 8, active: 1, upgraded: 0 });
  tallies.follow(table([server('a', { weight: 5 })]));
  t.match(tallies.servers(table([server('a', { weight: 5 })])), [{ requests: 8, weight: 5 }], 'counters survive a change of settings');
});

t.test('who is ejected is for the table to say', async (t) => {
  const tallies = new FleetCounts();
  const production = table([server('a', { ejected: true, reason: 'too many failures' })]);
  tallies.follow(production);
  t.match(tallies.servers(production), [{ health: 'ejected', reason: 'too many failures' }]);
  const down = table([server('a', { ejected: true, health: 'down', reason: 'refused' })]);
  t.match(tallies.servers(down), [{ health: 'down', reason: 'refused' }]);
});

t.test('nothing is kept of servers and environments that are gone', async (t) => {
  const tallies = new FleetCounts();
  const production = table([server('a')]);
  tallies.follow(production);
  const report: ServerReport = new CountChanges();
  tallies.take(1, told(report, counted(3)));
  tallies.follow(table([]));
  tallies.take(1, told(report, counted(4)));
  tallies.follow(production);
  t.match(tallies.servers(production), [{ requests: 0 }]);
  tallies.remove('production');
  tallies.take(1, told(report, counted(9)));
  tallies.follow(production);
  t.match(tallies.servers(production), [{ requests: 0 }]);
});

t.test('environments and listeners add up in the same way', async (t) => {
  const tallies = new FleetCounts();
  tallies.follow(table([]));
  tallies.followListener('127.0.0.1:0');
  const environment = { ...noEnvironmentCounts, name: 'production', own: { 'no-server': 2 }, waiting: 1, panicking: 1 };
  const listener = { ...noListenerCounts, listen: '127.0.0.1:0', accepted: 3, connections: 2 };
  const one = { servers: [], environments: [countsOfEnvironment(environment)], listeners: [countsOfListener(listener)] };
  tallies.take(1, one);
  tallies.take(2, { ...one, environments: [countsOfEnvironment({ ...environment, own: { 'no-server': 1, 'queue-full': 4 } })] });
  t.match(tallies.environments(), [{ name: 'production', own: { 'no-server': 3, 'queue-full': 4 }, waiting: 2, panicking: 2 }]);
  t.match(tallies.listeners(), [{ listen: '127.0.0.1:0', accepted: 6, connections: 4 }]);
  tallies.forget(2);
  t.match(
    tallies.environments(),
    [{ own: { 'no-server': 3, 'queue-full': 4 }, waiting: 1 }],
    'what was counted stays, what went on does not',
  );
  tallies.removeListener('127.0.0.1:0');
  tallies.remove('production');
  tallies.take(1, one);
  t.strictSame([tallies.environments(), tallies.listeners()], [[], []]);
});
