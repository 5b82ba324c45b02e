import t from 'tap';
import type { HeldLimit } from '../../src/limits/held-limit.ts';
import { type LimitRule, micro } from '../../src/limits/limit-store.ts';
import { periodOf } from '../../src/limits/quota-shares.ts';
import fc from '../tools/fast-check.ts';
import { ExactBucket, Fleet, longestTravelMs, type Traffic } from './fleet-model.ts';

const bucket = (limit: number, burst = limit): LimitRule & { kind: 'bucket' } => ({
  kind: 'bucket',
  limit: limit * micro,
  window: 1_000_000,
  burst: burst * micro,
});
/** Counting in floating point, in the comparison itself. */
const rounding = 1e-6;

/** The store's own decision counts when it is made; the request goes on when the answer has come. Tokens that are regained meanwhile. */
const onTheWay = (limit: number) => (limit * longestTravelMs) / 1000;

/** Requests for each call, and the share by which less is let through than by one exact bucket, at 10 gateways: no worse than this. */
const figures: readonly [limit: number, traffic: Traffic, load: number, perCall: number, under: number][] = [
  [1000, 'even', 1, 100, 0.01],
  [1000, 'zipf', 1.2, 100, 0.01],
  [500, 'hops', 1, 100, 0.01],
  [200, 'even', 3, 100, 0.01],
  [200, 'zipf', 3, 100, 0.01],
  [100, 'home', 1.2, 100, 0.01],
];

t.test('ten gateways let nothing through beyond the limit, hardly less, and seldom ask the store', async (t) => {
  for (const [limit, traffic, load, perCall, under] of figures) {
    const settings = { rule: bucket(limit), exact: false };
    const seen = await new Fleet(10).run({ settings, limit, load, traffic, seconds: 20 });
    const what = `${limit}/s, ${traffic} traffic, ${load} times the limit`;
    t.ok(seen.over <= rounding, `${what}: never over (${seen.over})`);
    t.ok(seen.under <= under, `${what}: ${(100 * seen.under).toFixed(2)} % less than one bucket would`);
    t.ok(seen.perCall >= perCall, `${what}: ${seen.perCall.toFixed(0)} requests for each call`);
  }
});

/** The same behind a balancer, which brings requests to the homes of their keys: also near small limits, where shares are worth little. */
const atHome: readonly (readonly [limit: number, traffic: Traffic, load: number, callers: number, gateways: number])[] = [
  [150, 'even', 1, 1, 10],
  [200, 'even', 1, 10, 10],
  [200, 'hops', 1.2, 1, 10],
  [150, 'bursts', 1, 10, 10],
  [1000, 'bursts', 1, 1, 10],
  [200, 'even', 1.2, 10, 32],
];

t.test('behind a balancer small limits do the same, whatever the traffic', async (t) => {
  for (const [limit, traffic, load, callers, gateways] of atHome) {
    const settings = { rule: bucket(limit), exact: false };
    const seen = await new Fleet(gateways).run({ settings, limit, load, traffic, seconds: 25, callers });
    const what = `${limit}/s, ${traffic} traffic of ${callers} callers, ${load} times the limit, ${gateways} gateways`;
    t.ok(seen.over <= rounding, `${what}: never over (${seen.over})`);
    t.ok(seen.under <= 0.01, `${what}: ${(100 * seen.under).toFixed(2)} % less than one bucket would`);
    t.ok(seen.perCall >= 100, `${what}: ${seen.perCall.toFixed(0)} requests for each call`);
  }
});

t.test('requests that take an estimate and give back what they did not use exceed nothing, and are counted at their home', async (t) => {
  const fleet = new Fleet(10);
  const { clock, random, store } = fleet;
  const [limit, estimate] = [20_000, 500];
  const settings = { rule: bucket(limit), exact: false };
  const balancer = fleet.balancer('even');
  const through = new ExactBucket(limit, limit);
  let least = 0;
  let requests = 0;
  let used = 0;
  const settle = (held: HeldLimit) => {
    through.advance(clock.now());
    through.level -= estimate;
    least = Math.min(least, through.level);
    clock.after(300 * random(), () => {
      const left = Math.floor(random() * estimate);
      through.advance(clock.now());
      through.level = Math.min(limit, through.level + left);
      used += estimate - left;
      held.putBack(left * micro);
    });
  };
  const arrive = () => {
    requests++;
    const held = fleet.limit(balancer.pick(0), settings);
    const taken = held.take(estimate * micro);
    const answered = (passed: boolean) => {
      if (passed) settle(held);
      balancer.answered(0, held);
    };
    if (typeof taken === 'boolean') answered(taken);
    else void taken.then(answered);
    clock.after(-Math.log(1 - random()) * 5, arrive);
  };
  arrive();
  await clock.runUntil(20_000);
  t.ok(-least <= onTheWay(limit) + rounding, `never over (${-least})`);
  t.ok(used >= 0.93 * limit * 20, `${used} of ${limit * 20} were used`);
  t.ok(requests / store.calls >= 30, `${(requests / store.calls).toFixed(0)} requests for each call, the beginning included`);
});

t.test('exact limits, and limits that are too small for parts, are decided by the store alone', async (t) => {
  for (const [limit, exact] of [
    [200, true],
    [15, false],
  ] as const) {
    const settings = { rule: bucket(limit), exact };
    const seen = await new Fleet(10).run({ settings, limit, load: 1.2, traffic: 'even', seconds: 20 });
    t.ok(seen.over <= onTheWay(limit), `${limit}/s: never over (${seen.over})`);
    t.ok(Math.abs(seen.under) <= 0.01, `${limit}/s: ${(100 * seen.under).toFixed(2)} % less`);
  }
});

t.test('whatever the traffic, no window has more than burst and rate', async () => {
  const traffic = fc.constantFrom<Traffic>('even', 'zipf', 'hops', 'home');
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        limit: fc.integer({ min: 1, max: 300 }),
        burst: fc.integer({ min: 1, max: 500 }),
        gateways: fc.integer({ min: 1, max: 12 }),
        load: fc.double({ min: 0.2, max: 5, noNaN: true }),
        exact: fc.boolean(),
        seed: fc.integer({ min: 1, max: 1_000_000 }),
        traffic,
      }),
      async ({ limit, burst, gateways, load, exact, seed, traffic }) => {
        const fleet = new Fleet(gateways, seed);
        const settings = { rule: bucket(limit, burst), exact };
        const { over } = await fleet.run({ settings, limit, burst, load, traffic, seconds: 5 });
        return over <= onTheWay(limit);
      },
    ),
    { numRuns: 25, seed: 14 },
  );
});

t.test('a gateway that dies, and one that starts again under its name, cost tokens but add none', async (t) => {
  const fleet = new Fleet(3);
  const { clock, gateways } = fleet;
  clock.after(6000, () => {
    gateways[0] = fleet.gateway('g0');
  });
  clock.after(8000, () => {
    gateways[1] = fleet.gateway('another');
  });
  const seen = await fleet.run({ settings: { rule: bucket(500), exact: false }, limit: 500, load: 2, traffic: 'even', seconds: 20 });
  t.ok(seen.over <= rounding, `never over (${seen.over})`);
  t.ok(seen.under < 0.1, `${(100 * seen.under).toFixed(1)} % less`);
});

t.test('while the store is away, every gateway goes on with its last share', async (t) => {
  const fleet = new Fleet(4);
  const { clock, store } = fleet;
  clock.after(6000, () => {
    store.away = true;
  });
  const seen = await fleet.run({ settings: { rule: bucket(400), exact: false }, limit: 400, load: 2, traffic: 'even', seconds: 20 });
  t.ok(seen.over <= rounding, `never over: not open (${seen.over})`);
  t.ok(seen.under < 0.2, `nor shut: ${(100 * seen.under).toFixed(1)} % less`);
  store.away = false;
  const others = fleet.gateways.map((limits) => limits.counts.calls);
  await clock.runUntil(30_000);
  t.ok(
    fleet.gateways.every(({ reachable }) => reachable),
    'they share again once it answers',
  );
  t.ok(fleet.gateways.every(({ counts }, index) => counts.calls > (others[index] as number)));
});

t.test('quotas: never over in a period, all of it can be used, and what gateways hold comes back', async (t) => {
  const fleet = new Fleet(5);
  const { clock } = fleet;
  const settings = { rule: { kind: 'quota', limit: 10_000 * micro, period: 'hour' } as const, exact: false };
  const period = () => periodOf('hour', clock.date() * 1000).start;
  const allowed = new Map<number, number>();
  const count = () => allowed.set(period(), (allowed.get(period()) ?? 0) + 1);
  const toNext = (periodOf('hour', clock.date() * 1000).end / 1000 - clock.date()) as number;
  let requests = 0;
  const arrive = () => {
    requests++;
    const taken = fleet.limit(fleet.pick('zipf'), settings).take(micro);
    if (taken === true) count();
    else if (taken !== false) void taken.then((granted) => granted && count());
    if (requests % 20_000 !== 0) clock.after(2, arrive);
  };
  arrive();
  await clock.runUntil(60_000);
  t.equal(allowed.get(period()), 10_000, 'exactly the quota, of 20,000 requests');
  t.ok(fleet.store.calls < 1000, `${fleet.store.calls} calls for ${requests} requests`);
  await clock.runUntil(toNext - 1);
  clock.after(2, arrive);
  await clock.runUntil(toNext + 60_000);
  t.equal(allowed.size, 2);
  for (const [start, count] of allowed) t.ok(count <= 10_000, `${count} in the hour that began at ${start}`);
  t.equal(allowed.get(period()), 10_000, 'the next hour has its own');
});

t.test('periods of quotas are those of the calendar in UTC, weeks from Monday', (t) => {
  const at = (text: string) => Date.parse(text) * 1000;
  const cases: [Parameters<typeof periodOf>[0], string, string, string][] = [
    ['hour', '2026-11-27T16:59:59Z', '2026-11-27T16:00:00Z', '2026-11-27T17:00:00Z'],
    ['day', '2026-11-27T00:00:00Z', '2026-11-27T00:00:00Z', '2026-11-28T00:00:00Z'],
    ['week', '2026-11-29T23:59:59Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['week', '2026-11-30T00:00:00Z', '2026-11-30T00:00:00Z', '2026-12-07T00:00:00Z'],
    ['month', '2024-02-29T12:00:00Z', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['month', '2026-12-31T23:59:59Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ];
  for (const [period, now, start, end] of cases) t.same(periodOf(period, at(now)), { start: at(start), end: at(end) }, `${period} ${now}`);
  t.end();
});

t.test('slots: never more requests at the same time than the limit, and all of them can be used', async (t) => {
  const fleet = new Fleet(4);
  const { clock, random } = fleet;
  const settings = { rule: { kind: 'slots', limit: 20 * micro } as const, exact: false };
  let active = 0;
  let most = 0;
  let refused = 0;
  const begin = (limit: HeldLimit) => {
    most = Math.max(most, ++active);
    clock.after(50 + 100 * random(), () => {
      active--;
      limit.putBack(micro);
    });
  };
  const arrive = () => {
    const limit = fleet.limit(fleet.pick('zipf'), settings);
    const taken = limit.take(micro);
    if (taken === true) begin(limit);
    else if (taken === false) refused++;
    else void taken.then((granted) => (granted ? begin(limit) : refused++));
    if (clock.now() < 20_000) clock.after(6 * random(), arrive);
  };
  arrive();
  await clock.runUntil(20_000);
  t.equal(most, 20);
  t.ok(refused > 100);
  await clock.runUntil(40_000);
  t.equal(active, 0);
  const alone = fleet.limit(0, settings);
  const taking = Array.from({ length: 25 }, () => alone.take(micro));
  await clock.runUntil(41_000);
  const taken = await Promise.all(taking);
  t.equal(taken.filter((one) => one === true).length, 20, 'one gateway alone can have all of them afterwards');
});
