import t from 'tap';
import { roundRobin } from '../../src/balance/round-robin.ts';
import fc from '../tools/fast-check.ts';
import { seeded } from '../tools/seeded-random.ts';
import { TestCandidate, tally, times, weighted } from './candidates.ts';

const fromTheStart = () => 0;

t.test('equal servers take turns', async (t) => {
  const picker = roundRobin(weighted(1, 1, 1), fromTheStart);
  t.equal(times(7, () => picker.pick(0, [])?.id).join(''), 'abcabca');
});

t.test('weights are spread out, not served in bursts', async (t) => {
  const picker = roundRobin(weighted(5, 1, 1), () => 0.5);
  const sequence = times(14, () => picker.pick(0, [])?.id).join('');
  t.notMatch(sequence, /aaaa/, sequence);
  t.match(tally(times(7, () => picker.pick(0, []))), { a: 5, b: 1, c: 1 });
});

t.test('over one cycle each server gets exactly its weight, from any point on', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
      fc.nat(),
      fc.nat(30),
      (weights, seed, offset) => {
        const picker = roundRobin(weighted(...weights), seeded(seed));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        times(offset, () => picker.pick(0, []));
        const counts = tally(times(total, () => picker.pick(0, [])));
        return weights.every((weight, index) => {
          const count = counts[String.fromCharCode(97 + index)] ?? 0;
          // From the very start it is exact; a window that begins in the middle of a server's interval may be off by one.
          return offset === 0 ? count === weight : Math.abs(count - weight) <= 1;
        });
      },
    ),
    { seed: 42, numRuns: 500 },
  );
});

t.test('no server waits much longer than its share implies', async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }), fc.nat(), (weights, seed) => {
      const picker = roundRobin(weighted(...weights), seeded(seed));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const sequence = times(total * 3, () => picker.pick(0, [])?.id);
      return weights.every((weight, index) => {
        const places = sequence.flatMap((id, place) => (id === String.fromCharCode(97 + index) ? [place] : []));
        // Between two turns of a server every other one has at most its own share of that time, rounded up.
        return places.slice(1).every((place, turn) => place - (places[turn] as number) <= total / weight + weights.length);
      });
    }),
    { seed: 42, numRuns: 300 },
  );
});

t.test('a server that is full or was tried loses its turn to the next one', async (t) => {
  const [a, b, c] = weighted(1, 1, 1) as [TestCandidate, TestCandidate, TestCandidate];
  const picker = roundRobin([a, b, c], fromTheStart);
  t.equal(picker.pick(0, [a]), b);
  t.equal(picker.pick(0, []), c);
  b.available = false;
  t.equal(picker.pick(0, []), a);
  t.equal(picker.pick(0, []), c);
  b.available = true;
  t.equal(picker.pick(0, []), a);
  t.equal(picker.pick(0, []), b);
});

t.test('extreme weights stay exact', async (t) => {
  const picker = roundRobin(weighted(65535, 1), seeded());
  t.strictSame(tally(times(65536, () => picker.pick(0, []))), { a: 65535, b: 1 });
});

t.test('a sequence of new pickers favours no server', async (t) => {
  const random = seeded();
  const candidates = times(4, (index) => new TestCandidate(`s${index}`));
  const counts = tally(times(8000, () => roundRobin(candidates, random).pick(0, [])));
  for (const count of Object.values(counts)) t.ok(Math.abs(count - 2000) < 200, `${count} of 8000`);
});
