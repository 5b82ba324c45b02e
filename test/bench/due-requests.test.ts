import { test } from 'tap';
import { DueRequests } from '../../bench/due-requests.ts';

test('a latency counts from the time at which a request was due', async (t) => {
  const requests = new DueRequests(1000, 100);
  for (let index = 0; index < 100; index++) {
    t.equal(requests.nextAt, index);
    t.equal(requests.send(index + 0.5), index);
    t.notOk(requests.allAnswered);
    requests.answer(index, index + (index < 99 ? 2 : 30));
  }
  t.equal(requests.nextAt, Number.POSITIVE_INFINITY, 'all are sent');
  t.ok(requests.allAnswered);
  t.strictSame(requests.figures(0), { requests: 100, p50: 2, p90: 2, p99: 2, p999: 30, late: 0.5, waited: 0 });
  t.match(requests.figures(99), { requests: 1, p50: 30, late: 0.5 }, 'those before only warmed up');
});

test('a load that is late by itself is told apart from one that has no connection', async (t) => {
  const requests = new DueRequests(1000, 3);
  requests.send(0);
  requests.free(50);
  requests.send(51);
  requests.send(52);
  for (let index = 0; index < 3; index++) requests.answer(index, 60);
  t.match(
    requests.figures(0),
    { late: 2, waited: 2 / 3 },
    'both were due at a time when there was no connection, and late only since there was one',
  );
  const late = new DueRequests(1000, 2);
  late.send(0);
  late.send(40);
  t.match(late.figures(0), { late: 39, waited: 0 });
});
