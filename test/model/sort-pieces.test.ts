import t from 'tap';
import { atOnce } from '../../src/model/pieces.ts';
import { sortPieces } from '../../src/model/sort-pieces.ts';
import fc from '../tools/fast-check.ts';

t.test('a list is sorted as by sort, equal elements in their order, in pieces', async (t) => {
  const compare = ([one]: readonly [number, number], [other]: readonly [number, number]) => one - other;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 2000, size: 'max' }), (numbers) => {
      const list = numbers.map((number, at) => [number, at] as const);
      return JSON.stringify(atOnce(sortPieces(list, compare))) === JSON.stringify([...list].sort(compare));
    }),
    { numRuns: 50 },
  );
  t.equal([...sortPieces(Array.from({ length: 1000 }), () => 0)].length > 20, true);
});
