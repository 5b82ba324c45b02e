import t from 'tap';
import { CounterReport } from '../../../src/balancer/workers/counter-report.ts';
import { Tallies } from '../../../src/balancer/workers/tallies.ts';
import { LatencyHistogram } from '../../../src/model/latency.ts';
import type { LiveServer } from '../../../src/model/live.ts';
import { server, table } from '../tables.ts';

/** What one worker has counted for `a` so far. */
function counted(requests: number, more: Partial<LiveServer> = {}): LiveServer {
  const latencies = new LatencyHistogram();
  for (let answer = 0; answer < requests; answer++) latencies.observe(2);
  return {
    id: 'a',
    environment: 'production',
    address: '127.0.0.1:9101',
    weight: 1,
    health: 'up',
    active: 0,
    requests,
    failures: 0,
    statuses: [0, 0, requests, 0, 0, 0],
    upgraded: 0,
    latencies: { counts: latencies.counts, sumMs: latencies.sumMs },
    ...more,
  };
}

t.test('only what is new is reported', async (t) => {
  const report = new CounterReport();
  t.match(report.changes([counted(3, { active: 2 })]), [{ id: 'a', requests: 3, statuses: [0, 0, 3, 0, 0, 0], active: 2 }]);
  t.strictSame(report.changes([counted(3, { active: 2 })]), [], 'nothing has changed');
  t.match(report.changes([counted(5, { failures: 1, health: 'ejected' })]), [
    { requests: 2, failures: 1, active: 0, ejected: true, latencies: { sumMs: 4 } },
  ]);
  t.match(report.changes([counted(1)]), [{ requests: 1, statuses: [0, 0, 1, 0, 0, 0] }], 'it left and came back in between');
  t.strictSame(report.changes([]), []);
  t.match(report.changes([counted(1)]), [{ requests: 1 }], 'of who left nothing is remembered');
});

t.test('workers add up, and what a dead one did stays', async (t) => {
  const tallies = new Tallies();
  const production = table([server('a'), server('b', { health: 'down', reason: 'silent' })]);
  tallies.follow(production);
  const [one, two] = [new CounterReport(), new CounterReport()];
  tallies.take(1, one.changes([counted(3, { active: 2, upgraded: 1 })]));
  tallies.take(2, two.changes([counted(4, { active: 1 })]));
  tallies.take(2, two.changes([counted(5, { active: 1, failures: 1 })]));
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

t.test('a server that one worker keeps out is shown as ejected, with the reason', async (t) => {
  const tallies = new Tallies();
  const production = table([server('a')]);
  tallies.follow(production);
  tallies.take(2, new CounterReport().changes([counted(5, { health: 'ejected' })]));
  t.match(tallies.servers(production), [{ health: 'ejected', reason: /in 1 of the workers/ }]);
  const down = table([server('a', { health: 'down', reason: 'refused' })]);
  t.match(tallies.servers(down), [{ health: 'down', reason: 'refused' }]);
});

t.test('nothing is kept of servers and environments that are gone', async (t) => {
  const tallies = new Tallies();
  const production = table([server('a')]);
  tallies.follow(production);
  const report = new CounterReport();
  tallies.take(1, report.changes([counted(3)]));
  tallies.follow(table([]));
  tallies.take(1, report.changes([counted(4)]));
  tallies.follow(production);
  t.match(tallies.servers(production), [{ requests: 0 }]);
  tallies.remove('production');
  tallies.take(1, report.changes([counted(9)]));
  tallies.follow(production);
  t.match(tallies.servers(production), [{ requests: 0 }]);
});
