import t from 'tap';
import { tableChanges } from '../../src/balancer/table-changes.ts';
import fc from '../tools/fast-check.ts';
import { server } from './tables.ts';

t.test('servers that are the same objects have not changed', async (t) => {
  const [a, b, c, d] = [server('a'), server('b'), server('c'), server('d')];
  const other = server('b');
  t.strictSame(tableChanges([a, b, c], [a, b, c]), { changed: [], left: [] });
  t.strictSame(tableChanges([], [a, b]), { changed: [a, b], left: [] });
  t.strictSame(tableChanges([a, b], []), { changed: [], left: ['a', 'b'] });
  t.strictSame(tableChanges([a, b, d], [a, other, c, d]), { changed: [other, c], left: [] });
  t.strictSame(tableChanges([a, b, c], [c, d]), { changed: [d], left: ['a', 'b'] });
});

t.test('nothing is missed, whatever the order, and in sorted lists nothing is too much', async (t) => {
  const pool = Array.from('abcdefgh', (id) => [server(id), server(id)]).flat();
  const list = fc.uniqueArray(fc.constantFrom(...pool), { selector: ({ id }) => id });
  const sorted = list.map((servers) => [...servers].sort((one, other) => (one.id < other.id ? -1 : 1)));
  const expected = (before: typeof pool, after: typeof pool) => ({
    changed: after.filter((one) => !before.includes(one)),
    left: before.map(({ id }) => id).filter((id) => !after.some((one) => one.id === id)),
  });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const { changed, left } = tableChanges(before, after);
      const { changed: needed, left: gone } = expected(before, after);
      t.ok(needed.every((one) => changed.includes(one)));
      t.strictSame([...left].sort(), gone.sort());
    }),
  );
  fc.assert(fc.property(sorted, sorted, (before, after) => void t.strictSame(tableChanges(before, after), expected(before, after))));
});
