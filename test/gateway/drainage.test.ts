import t from 'tap';
import { Drainage } from '../../src/gateway/drainage.ts';
import { FakeClock } from '../tools/fake-clock.ts';

function setup(graceMs = 30_000) {
  const clock = new FakeClock();
  const traffic = { connections: 0, active: 0, requests: 0 };
  const drainage = new Drainage(traffic, clock, graceMs);
  let ended: number | undefined;
  void drainage.done.then(() => {
    ended = clock.now();
  });
  return { clock, traffic, drainage, endedAt: () => ended };
}

t.test('without connections it is over soon, but not before the news has got round', async (t) => {
  const { clock, drainage, endedAt } = setup();
  await clock.pass(299);
  t.equal(drainage.finished, false);
  await clock.pass(51);
  t.equal(drainage.finished, true);
  t.ok((endedAt() as number) <= 350);
  t.equal(clock.pending, 0);
});

t.test('connections that stay open without being used end it later', async (t) => {
  const { clock, traffic, endedAt } = setup();
  traffic.connections = 3;
  await clock.pass(1000);
  traffic.requests++;
  await clock.pass(1950);
  t.equal(endedAt(), undefined, 'two seconds after the last request, not after the beginning');
  await clock.pass(150);
  t.ok(endedAt());
});

t.test('requests in flight are waited for, up to the grace time', async (t) => {
  const { clock, traffic, endedAt } = setup(10_000);
  traffic.connections = traffic.active = 1;
  await clock.pass(9900);
  t.equal(endedAt(), undefined);
  await clock.pass(150);
  t.equal(endedAt(), 10_000);
  const soon = setup(10_000);
  soon.traffic.active = soon.traffic.connections = 1;
  await soon.clock.pass(5000);
  soon.traffic.active = soon.traffic.connections = 0;
  await soon.clock.pass(400);
  t.ok(soon.endedAt());
  const unseen = setup(10_000);
  unseen.traffic.active = 1;
  await unseen.clock.pass(9000);
  t.equal(unseen.endedAt(), undefined, 'in flight, though its connection is gone');
  const none = setup(0);
  await none.clock.pass(0);
  t.equal(none.endedAt(), 0);
});

t.test('cancelled, it looks no more', async (t) => {
  const { clock, drainage, endedAt } = setup();
  drainage.cancel();
  await clock.pass(60_000);
  t.equal(endedAt(), undefined);
  t.equal(drainage.finished, false);
});
