import t from 'tap';
import { SharedReads } from '../../src/model/shared-reads.ts';
import { SharedReadsBy } from '../../src/model/shared-reads-by.ts';

/** Reads that end when the test says so; each result is its number. */
function reads() {
  const ends: ((failure?: Error) => void)[] = [];
  const shared = new SharedReads(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = ends.length;
        ends.push((failure) => (failure === undefined ? resolve(number) : reject(failure)));
      }),
  );
  return { shared, ends };
}

t.test('all who ask during a read share the next one, which begins after they asked', async (t) => {
  const { shared, ends } = reads();
  const first = shared.now();
  const others = [shared.now(), shared.now(), shared.now()];
  t.equal(ends.length, 1, 'one at a time');
  ends[0]?.();
  t.equal(await first, 0);
  t.equal(ends.length, 2);
  const late = shared.now();
  ends[1]?.();
  t.strictSame(await Promise.all(others), [1, 1, 1]);
  ends[2]?.();
  t.equal(await late, 2);
  const again = shared.now();
  ends[3]?.();
  t.equal(await again, 3);
});

t.test('a failure is that of the callers of that read alone', async (t) => {
  const { shared, ends } = reads();
  const failing = shared.now();
  const next = shared.now();
  ends[0]?.(new Error('away'));
  await t.rejects(failing, { message: 'away' });
  await new Promise(setImmediate);
  ends[1]?.();
  t.equal(await next, 1);
});

t.test('a read that took long is followed by a rest', async (t) => {
  let now = 0;
  let begun = 0;
  const shared = new SharedReads(
    async () => {
      now += 20;
      return begun++;
    },
    { rests: true, now: () => now },
  );
  t.equal(await shared.now(), 0);
  const others = [shared.now(), shared.now()];
  await new Promise(setImmediate);
  t.equal(begun, 1, 'callers who ask again at once wait');
  t.strictSame(await Promise.all(others), [1, 1]);
});

t.test('reads of one thing are shared, and do not wait for those of another', async (t) => {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const shared = new SharedReadsBy((name) => {
    const number = begun.push(name);
    return new Promise<string>((resolve) => ends.push(() => resolve(`${name} ${number}`)));
  });
  const asked = [shared.now('a'), shared.now('b'), shared.now('a'), shared.now('a')];
  t.strictSame(begun, ['a', 'b']);
  ends[0]?.();
  t.equal(await asked[0], 'a 1');
  t.strictSame(begun, ['a', 'b', 'a']);
  ends[1]?.();
  ends[2]?.();
  t.strictSame(await Promise.all(asked), ['a 1', 'b 2', 'a 3', 'a 3']);
  for (let name = 0; name < 1000; name++) void shared.now(String(name));
  const again = shared.now('a');
  t.equal(begun.at(-1), 'a', 'what was forgotten meanwhile is read again');
  ends.at(-1)?.();
  t.equal(await again, `a ${begun.length}`);
});
