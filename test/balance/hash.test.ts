import t from 'tap';
import { hash } from '../../src/balance/hash.ts';
import { hashText } from '../../src/balance/hash-text.ts';
import { slotCount } from '../../src/balance/slot-owners.ts';
import { seeded } from '../tools/seeded-random.ts';
import { TestCandidate, tally, times } from './candidates.ts';

const keys = times(20_000, (index) => hashText(`client-${index}`));
const servers = (count: number, weight = 1) => times(count, (index) => new TestCandidate(`server-${index}`, weight));
const owners = (candidates: TestCandidate[]) => {
  const picker = hash(candidates, seeded());
  return keys.map((key) => picker.pick(key, [])?.id);
};

t.test('the same key goes to the same server, whatever the order of the servers', async (t) => {
  t.strictSame(owners(servers(7)), owners(servers(7).reverse()));
});

for (const count of [2, 3, 10, 50]) {
  t.test(`${count} servers and one more: keys move only to the new server, and no more than its share`, async (t) => {
    const before = owners(servers(count));
    const after = owners(servers(count + 1));
    const moved = after.filter((id, index) => id !== before[index]);
    t.ok(
      moved.every((id) => id === `server-${count}`),
      'no key moves between the other servers',
    );
    const share = 1 / (count + 1);
    // Keys fall into slots by chance, and slots have owners by chance: five standard deviations of both together.
    const deviation = Math.sqrt(share * (1 - share) * (1 / keys.length + 1 / slotCount));
    const strays = Math.abs(moved.length / keys.length - share) / deviation;
    t.ok(strays < 5, `${moved.length} of ${keys.length} moved, ${strays.toFixed(1)} standard deviations from 1/${count + 1}`);
  });
}

t.test('removing a server moves no keys of other servers', async (t) => {
  const all = servers(10);
  const before = owners(all);
  const after = owners(all.filter((candidate) => candidate.id !== 'server-4'));
  t.ok(before.every((id, index) => id === 'server-4' || id === after[index]));
});

t.test('shares follow the weights', async (t) => {
  const picker = hash([new TestCandidate('big', 3), new TestCandidate('small', 1)], seeded());
  const counts = tally(keys.slice(0, 4000).map((key) => picker.pick(key, [])));
  t.ok(Math.abs((counts['big'] ?? 0) - 3000) < 350, `${counts['big']} of 4000`);
});

t.test('keys that are consecutive numbers are distributed evenly', async (t) => {
  const picker = hash(servers(4), seeded());
  const counts = tally(times(8000, (key) => picker.pick(key, [])));
  for (const count of Object.values(counts)) t.ok(Math.abs(count - 2000) < 500, `${count} of 8000`);
});

t.test('one popular key does not overload its server', async (t) => {
  const candidates = servers(10);
  const picker = hash(candidates, seeded());
  times(1000, () => {
    const picked = picker.pick(12345, []);
    if (picked) picked.active++;
  });
  const most = Math.max(...candidates.map((candidate) => candidate.active));
  t.ok(most <= Math.ceil(1.25 * 100), `${most} of 1000 at one of ten servers`);
});

t.test('a few parallel requests of one client stay together', async (t) => {
  const candidates = servers(10);
  const picker = hash(candidates, seeded());
  const picked = times(6, () => {
    const candidate = picker.pick(777, []) as TestCandidate;
    candidate.active++;
    return candidate;
  });
  t.equal(new Set(picked).size, 1);
});

t.test('exchanges in flight are counted correctly when they begin and when they end', async (t) => {
  const candidates = servers(4);
  const picker = hash(candidates, seeded());
  times(5000, (round) => {
    const picked = picker.pick(99, []) as TestCandidate;
    picked.active++;
    if (round >= 40) (candidates.find((candidate) => candidate.active > 0) as TestCandidate).active--;
  });
  // With 40 in flight the key's own server is at its bound with 12 or 13. If ends were not counted, the bound would be higher.
  t.ok(Math.max(...candidates.map((candidate) => candidate.active)) <= 14);
});
