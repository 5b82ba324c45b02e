import fc from 'fast-check';
import t from 'tap';
import { addCounts, countsSince, noCounts } from '../../src/model/count-arithmetic.ts';

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
