import t from 'tap';
import { octetBlocks, octetsOf } from '../../src/model/octet-blocks.ts';
import { atOnce } from '../../src/model/pieces.ts';
import fc from '../tools/fast-check.ts';

t.test('texts become their octets, in whatever pieces they come', async () => {
  const texts = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.nat({ max: 300_000 }).map((length) => 'é€'.repeat(length / 2)),
    ),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(texts, (list) => {
      const expected = Buffer.from(list.join(''));
      return Buffer.concat(atOnce(octetBlocks(list))).equals(expected) && atOnce(octetsOf(list)).equals(expected);
    }),
    { numRuns: 50 },
  );
});

t.test('megabytes are made in pieces of about 16,000 characters, and stand in blocks that are sent one by one', async (t) => {
  const line = 'a'.repeat(100);
  let read = 0;
  function* lines() {
    for (let index = 0; index < 20_000; index++) {
      read++;
      yield line;
    }
  }
  const making = octetBlocks(lines());
  let most = 0;
  for (;;) {
    const before = read;
    const { done, value } = making.next();
    most = Math.max(most, read - before);
    if (!done) continue;
    t.ok(most <= 200, `${most} lines in one piece`);
    t.ok(value.length >= 8 && value.every(({ length }) => length <= 256 * 1024), value.map(({ length }) => length).join());
    t.equal(
      value.reduce((sum, { length }) => sum + length, 0),
      2_000_000,
    );
    return;
  }
});
