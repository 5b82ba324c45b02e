import { test } from 'tap';
import { TrafficMeter } from '../../src/control/feed/traffic-meter.ts';
import { RecentTraffic } from '../../src/dashboard/state/recent-traffic.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { liveServer } from '../control/control-under-test.ts';

test('memory does not grow over an hour in which servers and environments are replaced every minute', async (t) => {
  const meter = new TrafficMeter();
  const page = new RecentTraffic();
  const { counts, sumMs } = new LatencyHistogram();
  const fleet = (second: number) =>
    Array.from({ length: 30 }, (_, index) =>
      // New servers in new environments each minute.
      liveServer(`server-${index}-${Math.floor(second / 60)}`, `environment-${index % 5}-${Math.floor(second / 60)}`, {
        requests: second * 3,
        active: 1,
        latencies: { counts, sumMs },
      }),
    );
  const names = (second: number) => new Set(Array.from({ length: 5 }, (_, index) => `environment-${index}-${Math.floor(second / 60)}`));
  const sizes: number[] = [];
  for (let second = 0; second < 3600; second++) {
    const at = 1_700_000_000_000 + second * 1000;
    page.hear({ type: 'traffic', at, ...atOnce(meter.take(at, fleet(second))) });
    page.keep(names(second));
    if (second % 600 === 599)
      sizes.push(page.size + [...meter.environments.values()].reduce((sum, { samples }) => sum + samples.length, 0));
  }
  t.same(sizes, new Array(6).fill(sizes[0]), `${sizes}`);
});
