import { test } from 'tap';
import { CoalescedTask } from '../../src/model/coalesced-task.ts';
import { FakeClock, settle } from '../tools/fake-clock.ts';

/** A task whose runs end when a test says so. */
function setUp(rest?: (tookMs: number) => number) {
  const clock = new FakeClock();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const task = new CoalescedTask({
    clock,
    ...(rest && { rest }),
    run: async () => {
      begun.push(clock.now());
      await new Promise<void>((resolve) => ends.push(resolve));
    },
  });
  const end = async () => {
    ends.shift()?.();
    await settle();
  };
  return { clock, task, begun, end };
}

test('runs one at a time, and once more for all requests made during a run', async (t) => {
  const { task, begun, end } = setUp();
  task.soon();
  t.same(begun, [0], 'the first request begins a run at once');
  for (let request = 0; request < 5; request++) task.soon();
  await settle();
  t.equal(begun.length, 1);
  await end();
  t.equal(begun.length, 2);
  await end();
  t.equal(begun.length, 2);
});

test('begins at the earliest requested time', async (t) => {
  const { clock, task, begun, end } = setUp();
  task.soon(100);
  task.soon(30);
  task.soon(50);
  await clock.pass(29);
  t.same(begun, []);
  await clock.pass(200);
  await end();
  t.same(begun, [30]);
  t.equal(clock.pending, 0);
});

test('rests after each run, for as long as the run took if so configured', async (t) => {
  const { clock, task, begun, end } = setUp((tookMs) => tookMs);
  task.soon();
  await clock.pass(40);
  await end();
  task.soon();
  await clock.pass(39);
  t.same(begun, [0]);
  await clock.pass(1);
  t.same(begun, [0, 80]);
  await end();
  await clock.pass(1000);
  task.soon();
  t.same(begun, [0, 80, 1080], 'a request after the rest begins at once');
  await end();
});

test('now resolves after a run that began after the call', async (t) => {
  const { task, begun, end } = setUp();
  const resolved: string[] = [];
  task.now().then(() => resolved.push('first'));
  task.now().then(() => resolved.push('second'));
  await end();
  t.same(resolved, ['first']);
  t.equal(begun.length, 2);
  await end();
  t.same(resolved, ['first', 'second']);
});

test('a postponed run drops what was requested before, except by now', async (t) => {
  const { clock, task, begun, end } = setUp();
  task.soon();
  task.soon();
  task.postpone(500);
  await end();
  await clock.pass(499);
  t.same(begun, [0]);
  await clock.pass(1);
  t.same(begun, [0, 500]);
  task.postpone(500);
  await end();
  task.soon(20);
  await clock.pass(20);
  t.same(begun, [0, 500, 520], 'a later request brings it forward');
  void task.now();
  task.postpone(500);
  await end();
  t.same(begun, [0, 500, 520, 520]);
  await end();
});

test('flush runs what was requested at once, and waits for what is running', async (t) => {
  const { task, begun, end } = setUp();
  await task.flush();
  t.same(begun, [], 'there was nothing to do');
  task.soon(1000);
  let flushed = false;
  task.flush().then(() => {
    flushed = true;
  });
  t.same(begun, [0]);
  await settle();
  t.notOk(flushed);
  await end();
  t.ok(flushed);
  task.soon(1000);
  void task.now();
  await settle();
  t.equal(begun.length, 2, 'one run for both requests');
  await end();
});

test('after stop no run begins, and every wait resolves', async (t) => {
  const { clock, task, begun, end } = setUp();
  task.soon(10);
  task.stop();
  await task.now();
  await clock.pass(100);
  t.same(begun, []);
  const { task: other, begun: runs, end: endOther } = setUp();
  other.soon();
  const waiting = other.now();
  other.stop();
  await waiting;
  await endOther();
  t.equal(runs.length, 1);
  await end();
});

test('a task that requests itself while it runs is run again after it', async (t) => {
  const clock = new FakeClock();
  let runs = 0;
  const task: CoalescedTask = new CoalescedTask({
    clock,
    run: async () => {
      if (++runs < 3) task.soon();
    },
  });
  await task.now();
  await settle();
  t.equal(runs, 3);
});
