import t from 'tap';
import { leastConnections } from '../../src/balance/least-connections.ts';
import fc from '../tools/fast-check.ts';
import { seeded } from '../tools/seeded-random.ts';
import { TestCandidate, tally, times, weighted } from './candidates.ts';

t.test('always picks a server with the least load relative to its weight, however loads change', async () => {
  const load = (candidate: TestCandidate) => candidate.active / candidate.weight;
  fc.assert(
    fc.property(
      fc.array(fc.record({ weight: fc.integer({ min: 1, max: 4 }), active: fc.nat(9) }), { minLength: 1, maxLength: 15 }),
      fc.array(fc.nat(), { maxLength: 80 }),
      fc.nat(),
      (servers, moves, seed) => {
        const candidates = servers.map(({ weight, active }, index) => new TestCandidate(`s${index}`, weight, active));
        const picker = leastConnections(candidates, seeded(seed));
        for (const move of moves) {
          const other = candidates[move % candidates.length] as TestCandidate;
          if (move % 3 > 0 && other.active > 0) other.active--;
          const picked = picker.pick(0, []) as TestCandidate;
          if (candidates.some((candidate) => load(candidate) < load(picked))) return false;
          picked.active++;
        }
        return true;
      },
    ),
    { seed: 42, numRuns: 500 },
  );
});

t.test('exchanges that stay in flight are distributed by weight', async (t) => {
  const candidates = weighted(3, 2, 1);
  const picker = leastConnections(candidates, seeded());
  times(600, () => {
    const picked = picker.pick(0, []);
    if (picked) picked.active++;
  });
  t.strictSame(
    candidates.map((candidate) => candidate.active),
    [300, 200, 100],
  );
});

t.test('idle servers take turns', async (t) => {
  const picker = leastConnections(weighted(1, 1, 1), () => 0);
  t.equal(
    times(6, () => {
      const picked = picker.pick(0, []) as TestCandidate;
      picked.active++;
      picked.active--;
      return picked.id;
    }).join(''),
    'abcabc',
  );
});

t.test('idle servers take turns in proportion to their weights', async (t) => {
  const picker = leastConnections(weighted(3, 1, 1), seeded());
  const picked = times(500, () => {
    const candidate = picker.pick(0, []) as TestCandidate;
    candidate.active++;
    candidate.active--;
    return candidate;
  });
  t.strictSame(tally(picked), { a: 300, b: 100, c: 100 });
});

t.test('a new picker counts the exchanges that are already in flight', async (t) => {
  const candidates = [new TestCandidate('busy', 1, 40), new TestCandidate('idle', 1, 2)];
  const picker = leastConnections(candidates, seeded());
  t.equal(picker.pick(0, [])?.id, 'idle');
  (candidates[0] as TestCandidate).active = 0;
  t.equal(picker.pick(0, [])?.id, 'busy');
});

t.test('if the least loaded server was tried, the next one is picked', async (t) => {
  const [a, b, c] = [new TestCandidate('a', 1, 0), new TestCandidate('b', 1, 1), new TestCandidate('c', 1, 2)] as const;
  const picker = leastConnections([a, b, c], seeded());
  t.equal(picker.pick(0, [a]), b);
  t.equal(picker.pick(0, [a, b]), c);
  t.equal(picker.pick(0, [a, b, c]), undefined);
});
