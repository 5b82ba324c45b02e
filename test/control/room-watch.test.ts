import { test } from 'tap';
import { RoomWatch } from '../../src/control/feed/room-watch.ts';
import { noListenerCounts } from '../../src/model/counts.ts';

test('a listener without room becomes a happening, once a minute', async (t) => {
  const watch = new RoomWatch();
  const listener = { ...noListenerCounts, listen: '127.0.0.1:1', connections: 9, limit: 10 };
  const told = (at: number, counts: { closedForRoom: number; refused: number }) =>
    watch.take(at, [{ ...listener, ...counts }]).map(({ tone, subject, text }) => `${tone} ${subject} ${text}`);
  t.same(told(0, { closedForRoom: 0, refused: 0 }), []);
  t.same(told(1000, { closedForRoom: 3, refused: 0 }), ['warn 127.0.0.1:1 closes idle connections to make room']);
  t.same(told(2000, { closedForRoom: 9, refused: 1 }), [], 'not again within a minute');
  t.same(told(62_000, { closedForRoom: 9, refused: 1 }), [], 'nothing new');
  t.same(told(63_000, { closedForRoom: 9, refused: 2 }), ['bad 127.0.0.1:1 refuses connections']);
  t.same(watch.take(200_000, []), []);
});
