import t from 'tap';
import { Deadlines, type Watched } from '../../src/http1/connection/deadlines.ts';
import { FakeClock } from '../tools/fake-clock.ts';

/** An entry that records its calls. */
class Entry implements Watched {
  deadline = 0;
  readonly calls: unknown[] = [];
  readonly #act: () => void;

  constructor(act: () => void = () => {}) {
    this.#act = act;
  }

  expire(): void {
    this.calls.push('expired');
    this.#act();
  }

  crashed(error: unknown): void {
    this.calls.push(error);
  }
}

t.test('a deadline passes once, at the first tick after it', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  const entry = new Entry();
  deadlines.watch(entry);
  entry.deadline = deadlines.in(250);
  await clock.pass(250);
  t.strictSame(entry.calls, []);
  await clock.pass(50);
  t.strictSame(entry.calls, ['expired']);
  t.equal(entry.deadline, 0);
  await clock.pass(1000);
  t.strictSame(entry.calls, ['expired']);
});

t.test('a stamp since the last tick is never before the time before it, however long the tick took', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  deadlines.watch(new Entry());
  await clock.pass(300);
  const stamp = deadlines.stamp();
  await clock.pass(100);
  t.ok(stamp >= deadlines.before, 'it may be new');
  t.ok(stamp < deadlines.now, 'and looks old');
  await clock.pass(100);
  t.ok(stamp < deadlines.before, 'everything that came until then is read');
});

t.test('a deadline that is moved or removed does not pass', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  const [later, never, gone] = [new Entry(), new Entry(), new Entry()];
  for (const entry of [later, never, gone]) {
    deadlines.watch(entry);
    entry.deadline = deadlines.in(150);
  }
  await clock.pass(100);
  later.deadline = deadlines.in(500);
  never.deadline = deadlines.in(0);
  deadlines.unwatch(gone);
  await clock.pass(300);
  t.strictSame([later.calls, never.calls, gone.calls], [[], [], []]);
  await clock.pass(300);
  t.strictSame([later.calls, never.calls], [['expired'], []]);
});

t.test('without entries there is no timer', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  t.equal(clock.pending, 0);
  const entry = new Entry(() => deadlines.unwatch(entry));
  deadlines.watch(entry);
  t.equal(clock.pending, 1);
  entry.deadline = deadlines.in(100);
  await clock.pass(100);
  t.strictSame(entry.calls, ['expired']);
  t.equal(clock.pending, 0);
  t.equal(deadlines.size, 0);
});

t.test('a deadline set just before its entry is watched counts from then, even if nothing was watched for long', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  await clock.pass(60_000);
  const entry = new Entry();
  entry.deadline = deadlines.in(1500);
  deadlines.watch(entry);
  await clock.pass(1400);
  t.strictSame(entry.calls, []);
  await clock.pass(200);
  t.strictSame(entry.calls, ['expired']);
});

t.test('a bug in one entry does not affect the others', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  const bug = new Error('bug');
  const first = new Entry(() => {
    throw bug;
  });
  const second = new Entry();
  for (const entry of [first, second]) {
    deadlines.watch(entry);
    entry.deadline = deadlines.in(100);
  }
  await clock.pass(100);
  t.strictSame(first.calls, ['expired', bug]);
  t.strictSame(second.calls, ['expired']);
  second.deadline = deadlines.in(100);
  await clock.pass(200);
  t.strictSame(second.calls, ['expired', 'expired'], 'time goes on after the bug');
});

t.test('time in which the process was stalled does not count', async (t) => {
  const clock = new FakeClock();
  let stalled = 0;
  const deadlines = new Deadlines({ date: () => 0, now: () => clock.now() + stalled, after: (ms, task) => clock.after(ms, task) }, 100);
  const entry = new Entry();
  deadlines.watch(entry);
  entry.deadline = deadlines.in(5000);
  await clock.pass(200);
  stalled = 3_600_000;
  const answered = new Entry();
  deadlines.watch(answered);
  // Set by code that runs after the stall and before the next tick, as a read does.
  answered.deadline = deadlines.in(500);
  await clock.pass(400);
  t.strictSame(answered.calls, [], 'a short limit does not pass early either');
  await clock.pass(4300);
  t.strictSame(entry.calls, [], 'its peer could not be heard during the stall');
  await clock.pass(300);
  t.strictSame([entry.calls, answered.calls], [['expired'], ['expired']]);
});
