import t from 'tap';
import { BasePaths } from '../../src/routing/base-paths.ts';
import fc from '../tools/fast-check.ts';

/** The value with the longest base path that contains `path`, by comparing with each. */
function longest(values: Iterable<{ basePath: string }>, path: string) {
  return [...values]
    .filter(({ basePath }) => basePath === '/' || path === basePath || path.startsWith(`${basePath}/`))
    .sort((one, other) => other.basePath.length - one.basePath.length)[0];
}

t.test('after any additions, replacements and removals, the same is found as by comparing with every base path', async () => {
  const basePath = fc.array(fc.constantFrom('a', 'ab', 'b', 'long-segment'), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
  const change = fc.record({ basePath, removed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.array(basePath, { maxLength: 20 }), (changes, requested) => {
      const table = new BasePaths<{ basePath: string }>();
      const wanted = new Map<string, { basePath: string }>();
      for (const { basePath, removed } of changes) {
        if (removed) {
          wanted.delete(basePath);
          table.delete(basePath);
        } else {
          const value = { basePath };
          wanted.set(basePath, value);
          table.set(value);
        }
        for (const path of [...requested, basePath, `${basePath}/x`]) {
          if (table.longestOf(path) !== longest(wanted.values(), path)) throw new Error(`${path} in ${[...wanted.keys()]}`);
          if (table.get(path) !== wanted.get(path)) throw new Error(`${path} exactly in ${[...wanted.keys()]}`);
        }
      }
      const listed = new Set(table);
      if (listed.size !== wanted.size || ![...wanted.values()].every((value) => listed.has(value))) throw new Error('the list differs');
    }),
    { numRuns: 500 },
  );
});

t.test('thousands of base paths come and go', async (t) => {
  const values = Array.from({ length: 5000 }, (_, index) => ({ basePath: `/team-${index % 97}/service-${index}` }));
  const table = new BasePaths(values);
  const gone = new Set(values.filter((_, index) => index % 3 !== 0));
  for (const { basePath } of gone) table.delete(basePath);
  t.ok(values.every((value) => table.longestOf(`${value.basePath}/x`) === (gone.has(value) ? undefined : value)));
  for (const value of gone) table.set(value);
  t.ok(values.every((value) => table.longestOf(`${value.basePath}/x`) === value));
  for (const { basePath } of values) table.delete(basePath);
  t.same([...table], []);
});

t.test('the cost of a lookup is bounded by the longest base path that is left', async (t) => {
  const table = new BasePaths([{ basePath: `${'/long'.repeat(2000)}` }, { basePath: '/a/b/c' }]);
  table.delete('/long'.repeat(2000));
  let reads = 0;
  const { charCodeAt } = String.prototype;
  t.teardown(() => {
    String.prototype.charCodeAt = charCodeAt;
  });
  const path = '/x'.repeat(16_000);
  String.prototype.charCodeAt = function (index) {
    reads++;
    return charCodeAt.call(this, index);
  };
  const found = table.longestOf(path);
  String.prototype.charCodeAt = charCodeAt;
  t.equal(found, undefined);
  t.ok(reads > 0 && reads <= '/a/b/c/'.length, `${reads} characters were read`);
});
