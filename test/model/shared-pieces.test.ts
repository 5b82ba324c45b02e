import t from 'tap';
import { SharedPieces } from '../../src/model/shared-pieces.ts';

async function all(pieces: AsyncIterable<number>): Promise<number[]> {
  const read: number[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}

t.test('each piece is made once, when the first reader wants it, and every reader gets all of them', async (t) => {
  let made = 0;
  const shared = new SharedPieces(
    (async function* () {
      for (let piece = 0; piece < 3; piece++) {
        made++;
        yield piece;
      }
    })(),
  );
  t.equal(made, 0);
  const slow = shared[Symbol.asyncIterator]();
  t.strictSame(await slow.next(), { done: false, value: 0 });
  t.equal(made, 1, 'none is made ahead');
  t.strictSame(await Promise.all([all(shared), all(shared)]), [
    [0, 1, 2],
    [0, 1, 2],
  ]);
  t.strictSame(
    [await slow.next(), await slow.next(), await slow.next()].map(({ value }) => value),
    [1, 2, undefined],
  );
  t.strictSame(await all(shared), [0, 1, 2], 'a reader that comes late too');
  t.equal(made, 3);
});

t.test('a reader that leaves takes nothing from the others, and a failure is that of all', async (t) => {
  const shared = new SharedPieces(
    (async function* () {
      yield 0;
      yield 1;
      throw new Error('failed');
    })(),
  );
  for await (const piece of shared) {
    t.equal(piece, 0);
    break;
  }
  await Promise.all([t.rejects(all(shared), { message: 'failed' }), t.rejects(all(shared), { message: 'failed' })]);
});
