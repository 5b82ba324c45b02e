import t from 'tap';
import { shareOf } from '../../../src/balancer/workers/share.ts';
import { surplus } from '../../../src/balancer/workers/surplus.ts';
import { table } from '../tables.ts';

t.test('limits that count something are divided among the workers', async (t) => {
  const whole = table([], {
    limits: { connectionsPerServer: 10, queue: 3, headerBytes: 4096 },
    retries: { budgetMin: 1, budgetPercent: 20 },
  });
  t.equal(shareOf(whole, 1), whole);
  t.match(shareOf(whole, 4).spec, {
    limits: { connectionsPerServer: 3, queue: 1, headerBytes: 4096 },
    retries: { budgetMin: 1, budgetPercent: 20 },
  });
  t.match(shareOf(table([]), 4).spec.limits, { connectionsPerServer: 0, queue: 0 }, 'no limit stays none');
});

t.test('who has clearly more to do than the others loses connections', async (t) => {
  const shed = (...loads: [cpuMs: number, active: number][]) =>
    surplus(
      loads.map(([cpuMs, active]) => ({ cpuMs, active })),
      1000,
    );
  t.strictSame(shed([900, 60], [100, 4]), [26, 0], 'down to what the average has');
  t.strictSame(shed([500, 30], [450, 34]), [0, 0], 'about the same');
  t.strictSame(shed([200, 60], [10, 4]), [0, 0], 'nobody is busy');
  t.strictSame(shed([900, 1], [100, 0]), [0, 0], 'a single one is better off where it is');
  t.strictSame(shed([900, 50]), [0], 'nobody to give it to');
  t.strictSame(shed(), []);
});
