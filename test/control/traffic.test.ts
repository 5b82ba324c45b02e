import { test } from 'tap';
import { shownSeconds, Traffic } from '../../src/control/traffic.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { seen } from './control-under-test.ts';

const start = 1_700_000_000_000;

test('counters become rates, by server and environment', async (t) => {
  const traffic = new Traffic();
  traffic.take(start, [seen('a', 'production', { requests: 1000 }), seen('b', 'production', { requests: 5 })]);
  t.equal(traffic.environments.size, 0, 'where counting starts says nothing yet');
  const slow = new LatencyHistogram();
  slow.observe(40);
  const a = { requests: 1060, active: 3, statuses: [0, 0, 50, 0, 0, 4], failures: 2, latencies: slow };
  traffic.take(start + 2000, [seen('a', 'production', a), seen('b', 'production', { requests: 25 })]);
  t.match(traffic.environments.get('production')?.last, { requests: 40, errors: 3, active: 3 });
  t.equal(traffic.environments.get('production')?.errorShare, 3 / 40);
  t.equal(traffic.share('production', 'a'), 0.75);
  t.equal(traffic.share('production', 'b'), 0.25);
  const p50 = traffic.environments.get('production')?.latency(0.5) ?? 0;
  t.ok(p50 > 30 && p50 < 50, `${p50}`);
});

test('a server that starts to count from zero never makes a rate negative', async (t) => {
  const traffic = new Traffic();
  traffic.take(start, [seen('a', 'production', { requests: 1000, failures: 10 })]);
  traffic.take(start + 1000, [seen('a', 'production', { requests: 7, failures: 1 })]);
  t.match(traffic.server('production', 'a')?.last, { requests: 7, errors: 1 });
});

test('who has just joined has its share of the time since', async (t) => {
  const traffic = new Traffic();
  for (const [second, requests] of [0, 100, 200, 300].entries())
    traffic.take(start + second * 1000, [seen('a', 'production', { requests })]);
  traffic.take(start + 4000, [seen('a', 'production', { requests: 350 }), seen('b', 'production', { requests: 50 })]);
  t.equal(traffic.share('production', 'a') + traffic.share('production', 'b'), 1, 'together they have all');
  t.ok(traffic.share('production', 'b') < 0.2);
});

test('no more is kept than is shown, and nothing of what is gone', async (t) => {
  const traffic = new Traffic();
  for (let second = 0; second < 2 * shownSeconds; second++)
    traffic.take(start + second * 1000, [seen('a', 'production', { requests: second })]);
  t.equal(traffic.environments.get('production')?.samples.length, shownSeconds);
  traffic.take(start + 1e6, [seen('b', 'development')]);
  t.equal(traffic.server('production', 'a'), undefined);
  const later = new Traffic();
  later.recall(traffic.past);
  t.same(later.past, traffic.past, 'the past can be handed on');
  t.equal(traffic.environments.get('production')?.last?.requests, 0, 'an environment without servers has no traffic');
  for (let second = 1; second < shownSeconds; second++) traffic.take(start + 1e6 + second * 1000, [seen('b', 'development')]);
  t.notOk(traffic.environments.has('production'), 'after a while it is forgotten');
  traffic.keep(['development']);
  t.same([...traffic.environments.keys()], ['development']);
});
