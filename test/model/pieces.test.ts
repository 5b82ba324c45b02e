import t from 'tap';
import { atOnce, inTurns, type Pieces } from '../../src/model/pieces.ts';

function* counting(to: number, done: number[]): Pieces<string> {
  for (let piece = 0; piece < to; piece++) {
    done.push(piece);
    yield;
  }
  return 'counted';
}

t.test('between two pieces that take long, other work of the event loop runs', async (t) => {
  let now = 0;
  const done: number[] = [];
  const seen: number[][] = [];
  const counted = inTurns(counting(3, done), () => (now += 10));
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    seen.push([...done]);
  }
  t.equal(await counted, 'counted');
  t.ok(
    [1, 2, 3].every((length) => seen.some((pieces) => pieces.length === length)),
    `one piece in a turn: ${JSON.stringify(seen)}`,
  );
});

t.test('short pieces share a turn', async (t) => {
  const done: number[] = [];
  const counted = inTurns(counting(100, done), () => 0);
  await new Promise(setImmediate);
  t.equal(done.length, 100);
  t.equal(await counted, 'counted');
});

t.test('an error ends the work', async (t) => {
  function* failing(): Pieces<void> {
    yield;
    throw new Error('failed');
  }
  await t.rejects(inTurns(failing()), { message: 'failed' });
  t.throws(() => atOnce(failing()), { message: 'failed' });
});

t.test('work at once is the same work', (t) => {
  const done: number[] = [];
  t.equal(atOnce(counting(3, done)), 'counted');
  t.strictSame(done, [0, 1, 2]);
  t.end();
});
