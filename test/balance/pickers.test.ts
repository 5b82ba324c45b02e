import t from 'tap';
import { pickers } from '../../src/balance/index.ts';
import fc from '../tools/fast-check.ts';
import { seeded } from '../tools/seeded-random.ts';
import { TestCandidate, times } from './candidates.ts';

// Properties of every algorithm, for any servers and any sequence of events.

const server = fc.record({
  weight: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: 0.1, max: 9, noNaN: true })),
  active: fc.nat(20),
});
const step = fc.oneof(
  fc.record({ kind: fc.constant('pick' as const), key: fc.nat(), tried: fc.array(fc.nat(), { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('end' as const), who: fc.nat() }),
  fc.record({ kind: fc.constant('fill' as const), who: fc.nat() }),
);

for (const [name, make] of Object.entries(pickers)) {
  t.test(`${name} picks an eligible server exactly if there is one`, async () => {
    fc.assert(
      fc.property(fc.array(server, { maxLength: 12 }), fc.array(step, { maxLength: 60 }), fc.nat(), (servers, steps, seed) => {
        const candidates = servers.map(({ weight, active }, index) => new TestCandidate(`s${index}`, weight, active));
        const picker = make(candidates, seeded(seed), () => 0);
        const at = (index: number) => candidates[index % Math.max(1, candidates.length)];
        for (const each of steps) {
          if (each.kind === 'end') {
            const candidate = at(each.who);
            if (candidate && candidate.active > 0) candidate.active--;
          } else if (each.kind === 'fill') {
            const candidate = at(each.who);
            if (candidate) candidate.available = !candidate.available;
          } else {
            const tried = each.tried.map(at).filter((candidate) => candidate !== undefined);
            const possible = candidates.filter((candidate) => candidate.weight > 0 && candidate.available && !tried.includes(candidate));
            const picked = picker.pick(each.key, tried);
            if (possible.length === 0 ? picked !== undefined : picked === undefined || !possible.includes(picked)) return false;
            if (picked) picked.active++;
          }
        }
        return true;
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  t.test(`${name} picks nothing if no server has a weight`, async (t) => {
    t.equal(make([], seeded()).pick(1, []), undefined);
    t.equal(make([new TestCandidate('a', 0)], seeded()).pick(1, []), undefined);
  });

  t.test(`${name} distributes evenly again after servers were unavailable for a long time`, async (t) => {
    const candidates = times(3, (index) => new TestCandidate(`s${index}`));
    const [first, ...others] = candidates as [TestCandidate, ...TestCandidate[]];
    const picker = make(candidates, seeded(), () => 0);
    for (const other of others) other.available = false;
    t.ok(times(1000, (key) => picker.pick(key, [])).every((picked) => picked === first));
    for (const other of others) other.available = true;
    const picked = times(900, (key) => picker.pick(key * 7919, []));
    for (const candidate of candidates) {
      const share = picked.filter((each) => each === candidate).length;
      t.ok(share > 200 && share < 400, `${candidate.id} has its share again, neither more nor less: ${share}`);
    }
  });
}
