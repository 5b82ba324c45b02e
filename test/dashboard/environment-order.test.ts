import { test } from 'tap';
import { EnvironmentOrder } from '../../src/dashboard/environments/environment-order.ts';

const calm = { trouble: 0, load: 0 };

test('environments with trouble come first, then those with more load, the others in their first order', async (t) => {
  const order = new EnvironmentOrder();
  const standings = [
    { name: 'a', ...calm },
    { name: 'b', trouble: 0, load: 300 },
    { name: 'c', trouble: 1, load: 0 },
    { name: 'd', trouble: 2, load: 0 },
    { name: 'e', trouble: 0, load: 20 },
    { name: 'f', trouble: 2, load: 50 },
    { name: 'g', ...calm },
  ];
  t.same(order.update(standings, 0), ['f', 'd', 'c', 'b', 'e', 'a', 'g']);
});

test('a load that changes a little moves nothing', async (t) => {
  const order = new EnvironmentOrder();
  const both = (a: number, b: number) => [
    { name: 'a', trouble: 0, load: a },
    { name: 'b', trouble: 0, load: b },
  ];
  t.same(order.update(both(10, 100), 0), ['b', 'a']);
  for (let second = 1; second < 60; second++) {
    t.same(order.update(both(100 + (second % 3) * 20, 100), second * 1000), ['b', 'a'], `${second}`);
  }
  t.same(order.update(both(160, 100), 60_000), ['a', 'b'], 'a clear difference does');
  t.same(order.update(both(0.9, 0), 61_000), ['a', 'b'], 'a request now and then is no load');
  t.same(order.update(both(0, 0.9), 62_000), ['a', 'b']);
});

test('trouble counts at once, its end after ten seconds', async (t) => {
  const order = new EnvironmentOrder();
  const both = (trouble: number) => [
    { name: 'a', ...calm },
    { name: 'b', trouble, load: 0 },
  ];
  t.same(order.update(both(0), 0), ['a', 'b']);
  t.same(order.update(both(2), 1000), ['b', 'a']);
  order.update(
    [
      { name: 'a', trouble: 1, load: 0 },
      { name: 'b', ...calm },
    ],
    2000,
  );
  t.same(order.update(both(0), 10_900), ['b', 'a'], 'an environment that flaps stays where it is');
  t.same(
    order.update(
      [
        { name: 'a', trouble: 1, load: 0 },
        { name: 'b', ...calm },
      ],
      12_000,
    ),
    ['a', 'b'],
  );
});

test('new environments come last until the next update, and deleted ones are forgotten', async (t) => {
  const order = new EnvironmentOrder();
  order.update(
    [
      { name: 'a', ...calm },
      { name: 'b', trouble: 2, load: 0 },
    ],
    0,
  );
  const next = [
    { name: 'a', ...calm },
    { name: 'c', trouble: 2, load: 0 },
  ];
  t.same(order.keep(next), ['a', 'c'], 'while the order is held');
  t.same(order.update(next, 1), ['c', 'a']);
});
