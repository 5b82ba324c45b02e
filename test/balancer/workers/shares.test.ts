import t from 'tap';
import { surplus } from '../../../src/balancer/workers/surplus.ts';
import { tableShare } from '../../../src/balancer/workers/table-share.ts';
import { table } from '../tables.ts';

t.test('limits are divided among the workers', async (t) => {
  const whole = table([], {
    limits: { connectionsPerServer: 10, tunnelsPerServer: 5, queue: 3, headerBytes: 4096 },
    retries: { budgetMin: 1, budgetPercent: 20 },
  });
  t.equal(tableShare(whole, 1), whole);
  t.match(tableShare(whole, 4).spec, {
    limits: { connectionsPerServer: 3, tunnelsPerServer: 2, queue: 1, headerBytes: 4096 },
    retries: { budgetMin: 1, budgetPercent: 20 },
  });
  t.match(tableShare(table([]), 4).spec.limits, { connectionsPerServer: 0, queue: 0 }, 'no limit stays no limit');
});

t.test('a worker with clearly more load than the others sheds connections', async (t) => {
  const shed = (...loads: [cpuMs: number, active: number][]) =>
    surplus(
      loads.map(([cpuMs, active]) => ({ cpuMs, active })),
      1000,
    );
  t.strictSame(shed([900, 60], [100, 4]), [26, 0], 'down to the mean');
  t.strictSame(shed([500, 30], [450, 34]), [0, 0], 'about equal');
  t.strictSame(shed([200, 60], [10, 4]), [0, 0], 'no worker is busy');
  t.strictSame(shed([900, 1], [100, 0]), [0, 0], 'a single connection stays where it is');
  t.strictSame(shed([900, 50]), [0], 'no other worker');
  t.strictSame(shed(), []);
});
