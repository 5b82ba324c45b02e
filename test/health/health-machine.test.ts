import t from 'tap';
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

t.test('slow start rises linearly from a tenth', async (t) => {
  t.equal(slowStartShare(0, 0), 1);
  t.equal(slowStartShare(0, 1000), 0.1);
  t.equal(slowStartShare(50, 1000), 0.1);
  t.equal(slowStartShare(500, 1000), 0.5);
  t.equal(slowStartShare(1000, 1000), 1);
  t.equal(slowStartShare(5000, 1000), 1);
});
