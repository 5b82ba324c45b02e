import t from 'tap';
import type { Probe, ProbeResult } from '../../src/health/probe.ts';
import { type Flip, Prober } from '../../src/health/prober.ts';
import { environmentSpec, type HealthSpec } from '../../src/model/environment.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { seeded } from '../tools/seeded-random.ts';

const spec = environmentSpec.parse({}).health as HealthSpec;
const passed: ProbeResult = { passed: true, status: 200 };
const refused: ProbeResult = { passed: false, failure: 'refused', reason: 'connection refused' };

/** A prober whose checks get their results from the test. */
function setUp({ health = spec, answer }: { health?: HealthSpec; answer?: () => ProbeResult } = {}) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const flips: Flip[] = [];
  const pending: ((result: ProbeResult) => void)[] = [];
  let cancelled = 0;
  const ask = (_: Probe, __: unknown, done: (result: ProbeResult) => void) => {
    asked.push(clock.now());
    if (answer) queueMicrotask(() => done(answer()));
    else pending.push(done);
    return () => {
      cancelled++;
    };
  };
  const prober = new Prober({ address: '127.0.0.1:1', spec: health }, { clock, random: () => 0.5, ask }, (flip) => flips.push(flip));
  return { clock, asked, flips, pending, prober, cancelled: () => cancelled };
}

t.test('checks at once, then at the interval', async (t) => {
  const { clock, asked, flips, prober } = setUp({ answer: () => passed });
  prober.start();
  await clock.pass(0);
  t.equal(prober.state, 'up');
  await clock.pass(6000);
  t.strictSame(asked, [0, 2000, 4000, 6000]);
  t.equal(flips.length, 1, 'only the flip is reported');
});

t.test('checks ten times as often while the state may change', async (t) => {
  let answer: ProbeResult = refused;
  const { clock, asked, flips, prober } = setUp({ answer: () => answer });
  prober.start();
  await clock.pass(399);
  answer = passed;
  await clock.pass(2001);
  t.strictSame(asked, [0, 200, 400, 2400]);
  t.match(flips, [{ state: 'up' }]);
  answer = refused;
  await clock.pass(2600);
  t.strictSame(asked.slice(3), [2400, 4400, 4600, 4800], 'down after three, 400 ms after the first');
  t.match(flips[1], { state: 'down', result: refused });
});

t.test('a suspicion brings the next check forward, and many suspicions bring only one forward', async (t) => {
  const { clock, asked, prober } = setUp({ answer: () => passed });
  prober.start();
  await clock.pass(500);
  for (let suspicion = 0; suspicion < 100; suspicion++) {
    prober.checkSoon();
    await clock.pass(1);
  }
  await clock.pass(100);
  t.equal(asked.length, 3, `${asked}`);
  t.ok((asked[1] as number) <= 600);
});

t.test('there is never more than one check under way', async (t) => {
  const { clock, asked, pending, prober } = setUp();
  prober.start();
  prober.checkSoon();
  await clock.pass(60_000);
  t.equal(asked.length, 1);
  pending[0]?.(passed);
  await clock.pass(2000);
  t.equal(asked.length, 2);
});

t.test('a stopped prober makes no checks, and can be started again', async (t) => {
  const { clock, asked, prober, cancelled } = setUp();
  prober.start();
  prober.start();
  prober.stop();
  prober.checkSoon();
  t.equal(cancelled(), 1);
  await clock.pass(60_000);
  t.equal(asked.length, 1);
  prober.start();
  t.equal(asked.length, 2);
});

t.test('new settings keep the state', async (t) => {
  const { clock, asked, flips, prober } = setUp({ answer: () => passed });
  prober.start();
  await clock.pass(100);
  prober.adopt({ ...spec, interval: 10_000 });
  t.equal(prober.state, 'up');
  await clock.pass(20_000);
  t.equal(asked.length, 3, `${asked}`);
  t.equal(flips.length, 1);
});

t.test('many probers do not check in step', async (t) => {
  const random = seeded();
  const clock = new FakeClock();
  const seconds = new Map<number, number>();
  const ask = (_: Probe, __: unknown, done: (result: ProbeResult) => void) => {
    const slot = Math.floor(clock.now() / 50);
    seconds.set(slot, (seconds.get(slot) ?? 0) + 1);
    queueMicrotask(() => done(passed));
    return () => {};
  };
  const probers = Array.from({ length: 200 }, () => {
    return new Prober({ address: '127.0.0.1:1', spec }, { clock, random: random, ask }, () => {});
  });
  for (const prober of probers) prober.start();
  await clock.pass(2500);
  for (const prober of probers) prober.stop();
  const later = [...seconds].filter(([slot]) => slot > 0).map(([, count]) => count);
  t.ok(Math.max(...later) < 70, `at most ${Math.max(...later)} of 200 within 50 ms`);
});
