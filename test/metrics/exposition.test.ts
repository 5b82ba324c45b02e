import t from 'tap';
import { exposition, expositionLines } from '../../src/metrics/exposition.ts';
import { byStatusClass, type Family } from '../../src/metrics/family.ts';
import { processFamilies } from '../../src/metrics/process-families.ts';
import { registryFamilies } from '../../src/metrics/registry-families.ts';
import { LatencyHistogram } from '../../src/model/latency.ts';
import { Scrape } from '../tools/scrape.ts';

t.test('label values are escaped', async (t) => {
  const resource = 'quote " backslash \\ line\nend ä';
  const family: Family = {
    name: 'x_total',
    help: 'A "help" with \\ in it.',
    type: 'counter',
    series: [{ labels: { resource }, value: 1 }],
  };
  const text = exposition([family]);
  t.match(text, 'x_total{resource="quote \\" backslash \\\\ line\\nend ä"} 1\n');
  t.equal(text.split('\n').filter((line) => line.startsWith('x_total')).length, 1);
});

t.test('histograms are cumulative, in seconds', async (t) => {
  const latencies = new LatencyHistogram();
  for (const ms of [0.1, 3, 3, 100_000]) latencies.observe(ms);
  const text = exposition([{ name: 'x_seconds', help: 'x', type: 'histogram', series: [{ labels: { a: 'b' }, latencies }] }]);
  const scrape = new Scrape(text);
  t.same(
    ['0.00025', '0.002', '0.004', '65.536', '+Inf'].map((le) => scrape.sum('x_seconds_bucket', { le, a: 'b' })),
    [1, 1, 3, 3, 4],
  );
  t.equal(scrape.sum('x_seconds_count'), 4);
  t.equal(scrape.sum('x_seconds_sum'), 100.0061);
});

t.test('a metric without series still has its HELP and TYPE lines', async (t) => {
  const scrape = new Scrape(exposition([{ name: 'x_total', help: 'x', type: 'counter', series: [] }]));
  t.strictSame([...scrape.types], [['x_total', 'counter']]);
  t.strictSame(
    byStatusClass({}, [9, 1, 2]).map(({ value }) => value),
    [1, 2, 0, 0, 0],
  );
});

t.test('counts beyond 32 bits are exact', async (t) => {
  const latencies = new LatencyHistogram();
  latencies.observe(1);
  const counts = latencies.counts.map((count) => count * 2 ** 40);
  const text = exposition([{ name: 'x', help: 'x', type: 'histogram', series: [{ labels: {}, latencies: { counts, sumMs: 1 } }] }]);
  t.equal(new Scrape(text).sum('x_count'), 2 ** 40);
});

t.test('registry: before the first synchronisation there is no age, and the age is never negative', async (t) => {
  const about = { up: false, now: 10_000, epoch: undefined };
  const read = async (at: number | undefined) => new Scrape(exposition(registryFamilies({ at, failures: 3, reconnects: 2 }, about)));
  const never = await read(undefined);
  t.equal(never.labels.has('sluice_registry_sync_age_seconds'), false);
  t.strictSame([never.sum('sluice_registry_up'), never.sum('sluice_registry_sync_failures_total')], [0, 3]);
  t.equal((await read(4_000)).sum('sluice_registry_sync_age_seconds'), 6);
  t.equal((await read(11_000)).sum('sluice_registry_sync_age_seconds'), 0);
});

t.test('process metrics hold plausible values', async (t) => {
  const scrape = new Scrape(exposition(processFamilies('1.2.3')));
  t.equal(scrape.sum('sluice_build_info', { version: '1.2.3', node: process.version }), 1);
  t.ok(scrape.sum('process_resident_memory_bytes') > 1e6);
  t.ok(scrape.sum('process_cpu_seconds_total') > 0);
  t.ok(scrape.sum('nodejs_eventloop_active_seconds_total') >= 0);
  t.ok(Math.abs(scrape.sum('process_start_time_seconds') + performance.now() / 1000 - Date.now() / 1000) < 5);
});

t.test('a long text is written line by line, so that it can be made in pieces', async (t) => {
  const rows = Array.from({ length: 3000 }, (_, index) => ({ labels: { server: `server-${index}` }, value: index }));
  const families: Family[] = [{ name: 'x_total', help: 'x', type: 'counter', series: rows }];
  const lines = [...expositionLines(families)];
  t.equal(lines.length, 3002);
  t.equal(lines.join(''), exposition(families));
});
