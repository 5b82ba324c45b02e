import t, { test } from 'tap';
import { addCounts, countsSince, noCounts } from '../../src/model/count-arithmetic.ts';
import { addLatencies, LatencyHistogram, latenciesSince, latencyBounds, noLatencies, quantile } from '../../src/model/latency.ts';
import fc from '../tools/fast-check.ts';

const counts = fc.record({
  requests: fc.nat(),
  statuses: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
  own: fc.dictionary(fc.constantFrom('no-server', 'queue-full', 'reset'), fc.nat()),
  latencies: fc.record({ counts: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), sumMs: fc.nat() }),
});

t.test('counts before, plus the difference, are the counts now', async (t) => {
  fc.assert(
    fc.property(counts, counts, (before, more) => {
      const now = addCounts(before, more);
      const since = countsSince(before, now);
      t.strictSame(since && addCounts(before, since), now);
      t.ok(since && noCounts(countsSince(now, now) ?? since));
    }),
    { numRuns: 50 },
  );
});

t.test('a name that only one side has counts as zero on the other', async (t) => {
  t.strictSame(addCounts<Record<string, number>>({ a: 1 }, { b: 2 }), { a: 1, b: 2 });
  t.strictSame(countsSince<Record<string, number>>({ a: 1 }, { a: 1, b: 2 }), { a: 0, b: 2 });
  t.strictSame(addCounts({ list: [1, 2] }, {} as { list: number[] }), { list: [1, 2] });
});

t.test('a count that is less than before means that counting started again', async (t) => {
  t.equal(countsSince({ a: 2, b: { c: [1, 5] } }, { a: 3, b: { c: [2, 4] } }), undefined);
  t.equal(countsSince<Record<string, number>>({ a: 1 }, {}), undefined);
});

function histogramOf(times: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of times) histogram.observe(ms);
  return histogram;
}

test('each time is counted in the first bucket whose bound it does not exceed', async () => {
  const times = fc.oneof(fc.double({ min: 0, max: 100_000, noNaN: true }), fc.constantFrom(...latencyBounds));
  fc.assert(
    fc.property(times, (ms) => {
      const bucket = histogramOf([ms]).counts.indexOf(1);
      const wanted = latencyBounds.findIndex((bound) => ms <= bound * (1 + 1e-12));
      return bucket === (wanted === -1 ? latencyBounds.length : wanted);
    }),
  );
});

test('a quantile lies in the bucket of the exact one', async () => {
  const times = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(times, fc.constantFrom(0.5, 0.9, 0.99), (all, q) => {
      const exact = [...all].sort((one, other) => one - other)[Math.ceil(q * all.length) - 1] as number;
      const bucket = histogramOf([exact]).counts.indexOf(1);
      const read = quantile(histogramOf(all).counts, q) as number;
      return read >= (latencyBounds[bucket - 1] ?? 0) && read <= (latencyBounds[bucket] as number);
    }),
    { examples: [[[0.25], 0.5]] },
  );
});

test('no times have no quantile; a quantile above the last bound is that bound', async (t) => {
  t.equal(quantile(noLatencies.counts, 0.5), undefined);
  t.equal(quantile(histogramOf([1e9]).counts, 0.99), latencyBounds.at(-1));
  t.equal(quantile(histogramOf([0]).counts, 1), 0.25);
});

test('histograms are added and subtracted', async (t) => {
  const [early, late] = [histogramOf([1, 2]), histogramOf([1, 2, 40])];
  t.same(latenciesSince(early, late), { counts: histogramOf([40]).counts, sumMs: 40 });
  t.same(addLatencies(early, histogramOf([40])), { counts: late.counts, sumMs: 43 });
});
