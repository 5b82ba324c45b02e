import { test } from 'tap';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { packSample, unpackSample } from '../../src/api/sample.ts';
import { shownSeconds } from '../../src/api/series.ts';
import { TrafficMeter } from '../../src/control/feed/traffic-meter.ts';
import { RecentTraffic } from '../../src/dashboard/state/recent-traffic.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { liveServer } from './control-under-test.ts';

const start = 1_700_000_000_000;

/** A balancer's meter, and a dashboard that follows it. */
function meterAndPage() {
  const traffic = new TrafficMeter();
  const page = new RecentTraffic();
  const take = (at: number, servers: Parameters<TrafficMeter['take']>[1]) => {
    const message = { type: 'traffic', at, ...atOnce(traffic.take(at, servers)) } as const;
    page.hear(JSON.parse(JSON.stringify(message)));
    return message;
  };
  return { traffic, page, take };
}

test('counts become rates, by server and environment', async (t) => {
  const { page, take } = meterAndPage();
  take(start, [liveServer('a', 'production', { requests: 1000 }), liveServer('b', 'production', { requests: 5 })]);
  t.equal(page.environment('production').last, undefined, 'the first reading is only the baseline');
  const slow = new LatencyHistogram();
  slow.observe(40);
  const a = { requests: 1060, active: 3, statuses: [0, 0, 50, 0, 0, 4], failures: 2, latencies: slow };
  take(start + 2000, [liveServer('a', 'production', a), liveServer('b', 'production', { requests: 25 })]);
  t.match(page.environment('production').last, { requests: 40, errors: 3, active: 3 });
  t.equal(page.environment('production').errorShare, 3 / 40);
  t.equal(page.share('production', 'a'), 0.75);
  t.equal(page.share('production', 'b'), 0.25);
  const p50 = page.environment('production').last?.p50 ?? 0;
  t.ok(p50 > 30 && p50 < 50, `${p50}`);
  t.equal(page.server('production', 'a').last?.p50, p50);
  t.equal(page.server('production', 'b').last?.p50, undefined);
});

test('errors of targets are a part of all errors', async (t) => {
  const { page, take } = meterAndPage();
  take(start, [liveServer('a', 'production', {}), liveServer('b', 'production', {})]);
  const failing = { requests: 40, statuses: [0, 0, 20, 0, 0, 20], targetErrors: 18 };
  take(start + 1000, [liveServer('a', 'production', failing), liveServer('b', 'production', { requests: 40 })]);
  t.match(page.server('production', 'a').last, { errors: 20, targetErrors: 18 });
  t.equal(page.environment('production').errorShare, 20 / 80);
  t.equal(page.environment('production').targetErrorShare, 18 / 80);
});

test('a server whose counts restart from zero never has a negative rate', async (t) => {
  const { page, take } = meterAndPage();
  const many = new LatencyHistogram();
  for (let count = 0; count < 9; count++) many.observe(1000);
  take(start, [liveServer('a', 'production', { requests: 1000, failures: 10, latencies: many })]);
  const one = new LatencyHistogram();
  one.observe(1);
  take(start + 1000, [liveServer('a', 'production', { requests: 7, failures: 1, latencies: one })]);
  t.match(page.server('production', 'a').last, { requests: 7, errors: 1 });
  t.ok((page.server('production', 'a').last?.p99 ?? 0) <= 1, 'earlier counts are not subtracted from new ones');
});

test('a new server has a share of the requests since it joined', async (t) => {
  const { page, take } = meterAndPage();
  for (const [second, requests] of [0, 100, 200, 300].entries()) take(start + second * 1000, [liveServer('a', 'production', { requests })]);
  take(start + 4000, [liveServer('a', 'production', { requests: 350 }), liveServer('b', 'production', { requests: 50 })]);
  t.equal(page.share('production', 'a') + page.share('production', 'b'), 1, 'the shares add up to 1');
  t.ok(page.share('production', 'b') < 0.2);
});

test('latencies cover the last few seconds', async (t) => {
  const { page, take } = meterAndPage();
  const latencies = new LatencyHistogram();
  const at = (second: number) => {
    // Copied, as the balancer does, so that later observations do not change it.
    const { counts, sumMs } = latencies;
    take(start + second * 1000, [liveServer('a', 'production', { requests: second, latencies: { counts, sumMs } })]);
    return page.environment('production').last?.p99;
  };
  at(0);
  latencies.observe(1000);
  t.ok((at(1) ?? 0) > 500);
  latencies.observe(1);
  at(2);
  latencies.observe(1);
  t.ok((at(3) ?? 0) > 500);
  latencies.observe(1);
  t.ok((at(4) ?? 0) < 2, 'the slow request is too long ago');
});

test('only the seconds shown are kept, and idle environments without servers are dropped', async (t) => {
  const { traffic, page, take } = meterAndPage();
  for (let second = 0; second < 2 * shownSeconds; second++)
    take(start + second * 1000, [liveServer('a', 'production', { requests: second }), liveServer('idle', 'production')]);
  t.equal(traffic.environments.get('production')?.samples.length, shownSeconds);
  t.equal(page.environment('production').samples.length, shownSeconds);
  const later = new RecentTraffic();
  const samples = (traffic.environments.get('production')?.samples ?? []).map((sample) => [sample.at, packSample(sample)] as const);
  later.recall({ type: 'history', at: start, environment: 'production', samples });
  t.same(later.environment('production').samples, page.environment('production').samples, 'a new page gets the same samples');
  take(start + 1e6, [liveServer('b', 'development')]);
  t.equal(page.environment('production').last?.requests, 0, 'an environment without servers has no traffic');
  for (let second = 1; second < shownSeconds; second++) take(start + 1e6 + second * 1000, [liveServer('b', 'development')]);
  t.equal(page.server('production', 'a').samples.length, 0);
  t.notOk(traffic.environments.has('production'), 'it is dropped once its samples are idle');
  page.keep(new Set(['development']));
  t.equal(page.environment('production').samples.length, 0);
  page.clear();
  t.equal(page.environment('development').samples.length, 0);
});

test('the traffic of a thousand servers takes a few kilobytes a second', async (t) => {
  const { traffic } = meterAndPage();
  const fleet = (requests: number, active = 0) =>
    Array.from({ length: 1000 }, (_, index) => {
      const latencies = new LatencyHistogram();
      for (let count = 0; count < Math.min(requests, 50); count++) latencies.observe((index + count) % 300);
      return liveServer(`server-${index}`, `environment-${index % 200}`, { requests, active, latencies });
    });
  const bytes = (at: number, servers: ReturnType<typeof fleet>) =>
    JSON.stringify({ type: 'traffic', at, ...atOnce(traffic.take(at, servers)) } satisfies FeedMessage).length;
  bytes(start, fleet(0));
  t.ok(bytes(start + 1000, fleet(0)) < 200, 'an idle fleet costs nothing');
  const busy = bytes(start + 2000, fleet(37, 3));
  t.ok(busy < 64_000, `${busy} bytes for a busy fleet`);
  t.comment(`a busy fleet of 1,000 servers in 200 environments: ${busy} bytes a second`);
});

test('a missing sample means no traffic', (t) => {
  t.same(unpackSample(1), { at: 1, requests: 0, errors: 0, targetErrors: 0, active: 0, p50: undefined, p99: undefined });
  t.same(
    packSample({ at: 1, requests: 12.345, errors: 0, targetErrors: 0, active: 3, p50: 0.123456, p99: 1234.5 }),
    [12.3, 0, 3, 0.123, 1235],
  );
  const failing = { at: 1, requests: 10, errors: 5, targetErrors: 4, active: 0, p50: 1, p99: 2 };
  t.same(unpackSample(1, packSample(failing)), failing);
  t.end();
});
