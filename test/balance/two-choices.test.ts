import t from 'tap';
import { ewma } from '../../src/balance/ewma.ts';
import { PeakEwma } from '../../src/balance/peak-ewma.ts';
import { randomTwo } from '../../src/balance/random-two.ts';
import { seeded } from '../tools/seeded-random.ts';
import { TestCandidate, tally, times, weighted } from './candidates.ts';

t.test('random-two draws in proportion to the weights', async (t) => {
  const picker = randomTwo(weighted(6, 3, 1), seeded());
  const counts = tally(times(20_000, () => picker.pick(0, [])));
  // Nothing is in flight, so the first draw wins: 60, 30 and 10 percent.
  t.ok(Math.abs((counts['a'] ?? 0) - 12_000) < 400, `${counts['a']}`);
  t.ok(Math.abs((counts['b'] ?? 0) - 6_000) < 400, `${counts['b']}`);
  t.ok(Math.abs((counts['c'] ?? 0) - 2_000) < 250, `${counts['c']}`);
});

t.test('random-two never takes the most loaded one', async (t) => {
  const candidates = [new TestCandidate('a', 1, 1), new TestCandidate('b', 1, 2), new TestCandidate('worst', 1, 3)];
  const picker = randomTwo(candidates, seeded());
  t.notOk(times(2000, () => picker.pick(0, [])).some((picked) => picked?.id === 'worst'));
});

t.test('random-two keeps loads close together', async (t) => {
  const candidates = times(50, (index) => new TestCandidate(`s${index}`));
  const picker = randomTwo(candidates, seeded());
  times(5000, () => {
    const picked = picker.pick(0, []);
    if (picked) picked.active++;
  });
  const loads = candidates.map((candidate) => candidate.active);
  t.ok(Math.max(...loads) - Math.min(...loads) <= 8, `${Math.min(...loads)} to ${Math.max(...loads)} around 100`);
});

t.test('ewma prefers the server that responds faster, and considers its load', async (t) => {
  const candidates = weighted(1, 1);
  const [fast, slow] = candidates as [TestCandidate, TestCandidate];
  for (const candidate of candidates) candidate.latency = new PeakEwma();
  fast.latency?.observe(10, 0);
  slow.latency?.observe(40, 0);
  const picker = ewma(candidates, seeded(), () => 0);
  t.equal(picker.pick(0, []), fast);
  fast.active = 2;
  t.equal(picker.pick(0, []), fast, '3 × 10 ms is less than 40 ms');
  fast.active = 4;
  t.equal(picker.pick(0, []), slow, '5 × 10 ms is more than 40 ms');
});

t.test('ewma picks a new server once, and then waits for its response', async (t) => {
  const candidates = weighted(1, 1);
  const [known, newcomer] = candidates as [TestCandidate, TestCandidate];
  for (const candidate of candidates) candidate.latency = new PeakEwma();
  known.latency?.observe(10, 0);
  const picker = ewma(candidates, seeded(), () => 0);
  t.equal(picker.pick(0, []), newcomer);
  newcomer.active = 1;
  t.equal(picker.pick(0, []), known);
});

t.test('ewma tries a server again that was slow some time ago', async (t) => {
  const candidates = weighted(1, 1);
  const [steady, stumbled] = candidates as [TestCandidate, TestCandidate];
  for (const candidate of candidates) candidate.latency = new PeakEwma();
  let now = 0;
  const picker = ewma(candidates, seeded(), () => now);
  stumbled.latency?.observe(5000, 0);
  steady.latency?.observe(10, 0);
  t.equal(picker.pick(0, []), steady);
  now = 80_000;
  steady.latency?.observe(10, now);
  t.equal(picker.pick(0, []), stumbled);
});

t.test('the moving average rises at once and falls slowly', async (t) => {
  const average = new PeakEwma();
  t.equal(average.at(0), 0);
  average.observe(100, 0);
  t.equal(average.at(0), 100);
  average.observe(10, 1000);
  t.ok(average.at(1000) > 80 && average.at(1000) < 100, `${average.at(1000)}`);
  average.observe(10, 60_000);
  t.ok(average.at(60_000) < 11, `${average.at(60_000)}`);
  average.observe(0, 60_000);
  t.ok(average.at(60_000) > 0, 'a response in no time still counts');
});
