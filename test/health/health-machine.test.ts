import t from 'tap';
import { Ejection, mayEject } from '../../src/health/ejection.ts';
import { FailureStreak } from '../../src/health/failure-streak.ts';
import { HealthMachine } from '../../src/health/health-machine.ts';
import { panics } from '../../src/health/panic.ts';
import { slowStartShare } from '../../src/health/slow-start.ts';

const thresholds = { rise: 2, fall: 3 };

/** Feeds results to a machine: `+` passed, `-` failed. For each, returns the new state's first letter if it flipped, else a dot. */
function run(machine: HealthMachine, results: string): string {
  return [...results].map((result) => (machine.observe(result === '+', thresholds) ? machine.state[0] : '.')).join('');
}

t.test('a flip is reported once, and only when enough checks agree', async (t) => {
  for (const [results, flips, state] of [
    ['+', 'u', 'up'],
    ['--', '..', 'unknown'],
    ['---', '..d', 'down'],
    ['--+', '..u', 'up'],
    ['+++', 'u..', 'up'],
    ['+--+--+', 'u......', 'up'],
    ['+---', 'u..d', 'down'],
    ['+---+', 'u..d.', 'down'],
    ['+---++', 'u..d.u', 'up'],
    ['+---+-++', 'u..d...u', 'up'],
    ['-----', '..d..', 'down'],
  ] as const) {
    const machine = new HealthMachine();
    t.equal(run(machine, results), flips, results);
    t.equal(machine.state, state, results);
  }
});

t.test('undecided as long as the next results may change the state', async (t) => {
  const machine = new HealthMachine();
  t.ok(machine.undecided);
  machine.observe(true, thresholds);
  t.notOk(machine.undecided);
  machine.observe(false, thresholds);
  t.ok(machine.undecided);
  machine.observe(true, thresholds);
  t.notOk(machine.undecided);
});

t.test('changed thresholds apply to earlier results as well', async (t) => {
  const machine = new HealthMachine();
  machine.observe(true, thresholds);
  machine.observe(false, thresholds);
  t.ok(machine.observe(false, { rise: 1, fall: 2 }));
  t.equal(machine.state, 'down');
});

t.test('panic begins below the threshold, not at it', async (t) => {
  t.notOk(panics(1, 2, 50));
  t.ok(panics(1, 3, 50));
  t.ok(panics(0, 1, 50));
  t.notOk(panics(0, 3, 0), '0: never');
  t.notOk(panics(0, 0, 50), 'no servers at all');
  t.notOk(panics(3, 3, 100));
  t.ok(panics(2, 3, 100));
});

t.test('slow start rises from a tenth in even steps', async (t) => {
  t.equal(slowStartShare(0, 0), 1);
  t.equal(slowStartShare(0, 1000), 0.1);
  t.equal(slowStartShare(50, 1000), 0.1);
  t.equal(slowStartShare(500, 1000), 0.5);
  t.equal(slowStartShare(549, 1000), 0.5, 'servers that began at about the same time have the same share');
  t.equal(slowStartShare(550, 1000), 0.55);
  t.equal(slowStartShare(1000, 1000), 1);
  t.equal(slowStartShare(5000, 1000), 1);
});

t.test('only consecutive failures count', async (t) => {
  const streak = new FailureStreak();
  t.notOk(streak.failed(3));
  t.notOk(streak.failed(3));
  streak.end();
  t.strictSame(
    Array.from({ length: 7 }, () => streak.failed(3)),
    [false, false, true, false, false, true, false],
    'reported once per streak',
  );
  t.ok(streak.failed(1), 'another limit applies at once');
});

t.test('0 means never', async (t) => {
  const streak = new FailureStreak();
  t.notOk(Array.from({ length: 1000 }, () => streak.failed(0)).includes(true));
});

const settings = { consecutiveFailures: 3, baseEjection: 1000, maxEjection: 2500, maxEjectedPercent: 50 };

t.test('each ejection lasts longer, up to a limit; time without ejections makes the next one shorter', async (t) => {
  const ejection = new Ejection();
  t.notOk(ejection.ejected(0));
  t.equal(ejection.eject(settings, 0), 1000);
  t.ok(ejection.ejected(999));
  t.notOk(ejection.ejected(1000));
  t.equal(ejection.eject(settings, 1000), 2000);
  t.equal(ejection.eject(settings, 3000), 2500, 'the limit');
  t.equal(ejection.eject(settings, 5500), 2500);
  // Three base periods without an ejection after 8000 leave one of four.
  t.equal(ejection.eject(settings, 11_000), 2000);
  t.equal(ejection.eject(settings, 1_000_000), 1000, 'all forgotten');
});

t.test('never ejects more than the percentage of the servers', async (t) => {
  t.notOk(mayEject(0, 1, 50), 'the only server stays');
  t.ok(mayEject(0, 2, 50));
  t.notOk(mayEject(1, 2, 50));
  t.notOk(mayEject(1, 3, 50));
  t.ok(mayEject(4, 10, 50));
  t.notOk(mayEject(5, 10, 50));
  t.notOk(mayEject(0, 100, 0));
  t.ok(mayEject(99, 100, 100));
});
