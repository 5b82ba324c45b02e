import t from 'tap';
import { micro } from '../../src/limits/limit-store.ts';
import fc from '../tools/fast-check.ts';
import { longestTravelMs } from './fleet-model.ts';
import { type Mishap, overIn } from './troubled-fleet.ts';

/** After the gateways know of each other. */
const at = fc.integer({ min: 2500, max: 11_000 });
const which = fc.integer({ min: 0, max: 10 });
const ofGateways: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ at, which, kind: fc.constantFrom('leave' as const, 'die' as const) }),
  fc.record({ at, which, ms: fc.integer({ min: 50, max: 12_000 }), kind: fc.constant('pause' as const) }),
);
const joins: fc.Arbitrary<Mishap> = fc.record({ at, kind: fc.constant('join' as const) });
const ofStore: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ at, ms: fc.integer({ min: 100, max: 8000 }), kind: fc.constant('away' as const) }),
  fc.record({ at, ms: fc.constantFrom(20, 500, 3000, Number.POSITIVE_INFINITY), kind: fc.constant('older' as const) }),
);
const fleet = (mishap: fc.Arbitrary<Mishap>) =>
  fc.record({
    limit: fc.integer({ min: 20, max: 200 }),
    burst: fc.integer({ min: 5, max: 400 }),
    gateways: fc.integer({ min: 1, max: 6 }),
    load: fc.double({ min: 0.3, max: 4, noNaN: true }),
    callers: fc.integer({ min: 1, max: 8 }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    mishaps: fc.array(mishap, { minLength: 1, maxLength: 6 }),
  });

const over = async (given: Omit<Parameters<typeof overIn>[0], 'settings' | 'seconds'>) => {
  const rule = { kind: 'bucket', limit: given.limit * micro, window: 1_000_000, burst: given.burst * micro } as const;
  return (await overIn({ ...given, settings: { rule, exact: false }, seconds: 15 })).over;
};

t.test('gateways that join, leave, die or stand still, and homes with them, let nothing through beyond the limit', async () => {
  await fc.assert(
    fc.asyncProperty(fleet(fc.oneof(ofGateways, joins)), async (given) => (await over(given)) <= (given.limit * longestTravelMs) / 1000),
    { numRuns: 12, seed: 21 },
  );
});

t.test(
  'a store that goes, comes back, and has lost its latest data or all of it: hardly ever over, and never by more than the burst',
  async (t) => {
    let exceeded = 0;
    await fc.assert(
      fc.asyncProperty(fleet(fc.oneof(ofStore, ofStore, ofGateways)), async (given) => {
        const most = await over(given);
        if (most > (given.limit * longestTravelMs) / 1000) exceeded++;
        return most <= given.burst;
      }),
      { numRuns: 14, seed: 22 },
    );
    t.ok(exceeded <= 1, `${exceeded} of 14`);
  },
);
