import t from 'tap';
import { hashText } from '../../src/balance/hash-text.ts';
import { type Owner, slotCount, slotOwners } from '../../src/balance/slot-owners.ts';
import fc from '../tools/fast-check.ts';
import { times } from './candidates.ts';

const equals = (count: number): Owner[] => times(count, (index) => ({ id: `server-${index}`, weight: 1 }));

/** The id of each slot's owner. */
function idsOf(owners: readonly Owner[]): string[] {
  return Array.from(slotOwners(owners), (index) => (owners[index] as Owner).id);
}

/** The number of slots of each owner, in the order given. */
function counts(owners: readonly Owner[]): number[] {
  const sums = owners.map(() => 0);
  for (const index of slotOwners(owners)) sums[index] = (sums[index] ?? 0) + 1;
  return sums;
}

t.test('one owner gets all slots, and of a thousand owners each gets its share', async (t) => {
  t.equal(slotOwners([]).length, slotCount);
  t.strictSame(counts(equals(1)), [slotCount]);
  const thousand = counts(equals(1000));
  t.equal(
    thousand.reduce((sum, count) => sum + count, 0),
    slotCount,
  );
  t.ok(Math.min(...thousand) > 0.6 * (slotCount / 1000) && Math.max(...thousand) < 1.5 * (slotCount / 1000));
});

t.test('slots move only to or from the owner that is added, is removed or changes its weight', async () => {
  const owner = fc.record({
    id: fc.string({ maxLength: 6 }),
    weight: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.01, max: 100, noNaN: true })),
  });
  const owners = fc.uniqueArray(owner, { selector: ({ id }) => id, minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(owners, fc.nat(), fc.double({ min: 1, max: 5, noNaN: true }), (all, chosen, factor) => {
      const one = all[chosen % all.length] as Owner;
      const others = all.filter((each) => each !== one);
      const [withOne, without] = [idsOf(all), idsOf(others)];
      const heavier = idsOf([...others, { ...one, weight: one.weight * factor }].reverse());
      return withOne.every((id, slot) => (id === one.id || without[slot] === id) && (heavier[slot] === id || heavier[slot] === one.id));
    }),
    { seed: 7, numRuns: 60 },
  );
});

t.test('on average, shares are exactly proportional to weights', async (t) => {
  const weights = [0.5, 1, 2, 3, 10];
  const total = 16.5;
  const rounds = 30;
  const sums = weights.map(() => 0);
  for (let round = 0; round < rounds; round++)
    counts(weights.map((weight, index) => ({ id: `${round}-${index}`, weight }))).forEach((count, index) => {
      sums[index] = (sums[index] ?? 0) + count;
    });
  weights.forEach((weight, index) => {
    const share = weight / total;
    const deviation = Math.sqrt((share * (1 - share)) / (rounds * slotCount));
    const strays = Math.abs((sums[index] ?? 0) / (rounds * slotCount) - share) / deviation;
    t.ok(strays < 5, `weight ${weight}: ${strays.toFixed(1)} standard deviations off`);
  });
});

t.test('two owners whose ids have the same hash share fairly', async (t) => {
  t.equal(hashText('server-39031'), hashText('server-155230'));
  const [one = 0, other = 0] = counts([
    { id: 'server-39031', weight: 1 },
    { id: 'server-155230', weight: 1 },
  ]);
  t.ok(Math.abs(one - other) < 5 * Math.sqrt(slotCount), `${one} and ${other}`);
});
