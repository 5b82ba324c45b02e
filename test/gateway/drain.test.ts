import t from 'tap';
import { Drain } from '../../src/gateway/drain.ts';
import { FakeClock } from '../tools/fake-clock.ts';

function setup(graceMs = 30_000) {
  const clock = new FakeClock();
  const load = { connections: 0, active: 0, requests: 0 };
  const drain = new Drain(load, clock, graceMs);
  let ended: number | undefined;
  void drain.done.then(() => {
    ended = clock.now();
  });
  return { clock, load, drain, endedAt: () => ended };
}

t.test('without connections it ends after 300 ms, so that balancers have learned of it', async (t) => {
  const { clock, drain, endedAt } = setup();
  await clock.pass(299);
  t.equal(drain.finished, false);
  await clock.pass(51);
  t.equal(drain.finished, true);
  t.ok((endedAt() as number) <= 350);
  t.equal(clock.pending, 0);
});

t.test('with idle connections it ends 2 s after the last request', async (t) => {
  const { clock, load, endedAt } = setup();
  load.connections = 3;
  await clock.pass(1000);
  load.requests++;
  await clock.pass(1950);
  t.equal(endedAt(), undefined, 'two seconds after the last request, not after the start');
  await clock.pass(150);
  t.ok(endedAt());
});

t.test('it waits for requests in flight, up to the grace period', async (t) => {
  const { clock, load, endedAt } = setup(10_000);
  load.connections = load.active = 1;
  await clock.pass(9900);
  t.equal(endedAt(), undefined);
  await clock.pass(150);
  t.equal(endedAt(), 10_000);
  const soon = setup(10_000);
  soon.load.active = soon.load.connections = 1;
  await soon.clock.pass(5000);
  soon.load.active = soon.load.connections = 0;
  await soon.clock.pass(400);
  t.ok(soon.endedAt());
  const detached = setup(10_000);
  detached.load.active = 1;
  await detached.clock.pass(9000);
  t.equal(detached.endedAt(), undefined, 'a request in flight counts even without its connection');
  const none = setup(0);
  await none.clock.pass(0);
  t.equal(none.endedAt(), 0);
});

t.test('after cancel it polls no more', async (t) => {
  const { clock, drain, endedAt } = setup();
  drain.cancel();
  await clock.pass(60_000);
  t.equal(endedAt(), undefined);
  t.equal(drain.finished, false);
});
