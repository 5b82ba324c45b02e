import t from 'tap';
import { FailureStreak } from '../../src/health/failure-streak.ts';

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
