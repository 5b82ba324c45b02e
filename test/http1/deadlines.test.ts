import t from 'tap';
import { Deadlines, type Watched } from '../../src/http1/connection/deadlines.ts';
import { FakeClock } from '../tools/fake-clock.ts';

/** Something watched that keeps what befell it. */
class Entry implements Watched {
  deadline = 0;
  readonly befell: unknown[] = [];
  readonly #act: () => void;

  constructor(act: () => void = () => {}) {
    this.#act = act;
  }

  expire(): void {
    this.befell.push('expired');
    this.#act();
  }

  crashed(error: unknown): void {
    this.befell.push(error);
  }
}

t.test('a deadline passes once, at the first tick after it', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  const entry = new Entry();
  deadlines.watch(entry);
  entry.deadline = deadlines.in(250);
  await clock.pass(250);
  t.strictSame(entry.befell, []);
  await clock.pass(50);
  t.strictSame(entry.befell, ['expired']);
  t.equal(entry.deadline, 0);
  await clock.pass(1000);
  t.strictSame(entry.befell, ['expired']);
});

t.test('one that is put off or taken back does not pass', async (t) => {
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
  t.strictSame([later.befell, never.befell, gone.befell], [[], [], []]);
  await clock.pass(300);
  t.strictSame([later.befell, never.befell], [['expired'], []]);
});

t.test('without anybody to watch there is no timer', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  t.equal(clock.pending, 0);
  const entry = new Entry(() => deadlines.unwatch(entry));
  deadlines.watch(entry);
  t.equal(clock.pending, 1);
  entry.deadline = deadlines.in(100);
  await clock.pass(100);
  t.strictSame(entry.befell, ['expired']);
  t.equal(clock.pending, 0);
  t.equal(deadlines.size, 0);
});

t.test('a deadline set just before it is watched counts from then, however long nobody was', async (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock, 100);
  await clock.pass(60_000);
  const entry = new Entry();
  entry.deadline = deadlines.in(1500);
  deadlines.watch(entry);
  await clock.pass(1400);
  t.strictSame(entry.befell, []);
  await clock.pass(200);
  t.strictSame(entry.befell, ['expired']);
});

t.test('a bug in one harms no other', async (t) => {
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
  t.strictSame(first.befell, ['expired', bug]);
  t.strictSame(second.befell, ['expired']);
  second.deadline = deadlines.in(100);
  await clock.pass(200);
  t.strictSame(second.befell, ['expired', 'expired'], 'time goes on');
});

t.test('time for which the process was held up does not count', async (t) => {
  const clock = new FakeClock();
  let heldUp = 0;
  const deadlines = new Deadlines({ date: () => 0, now: () => clock.now() + heldUp, after: (ms, task) => clock.after(ms, task) }, 100);
  const entry = new Entry();
  deadlines.watch(entry);
  entry.deadline = deadlines.in(5000);
  await clock.pass(200);
  heldUp = 3_600_000;
  const answered = new Entry();
  deadlines.watch(answered);
  // As what is read after it, and before the next tick, does.
  answered.deadline = deadlines.in(500);
  await clock.pass(400);
  t.strictSame(answered.befell, [], 'a short limit is kept to as well');
  await clock.pass(4300);
  t.strictSame(entry.befell, [], 'its peer has had no chance to be heard');
  await clock.pass(300);
  t.strictSame([entry.befell, answered.befell], [['expired'], ['expired']]);
});
