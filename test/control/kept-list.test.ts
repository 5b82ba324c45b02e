import t from 'tap';
import { KeptList } from '../../src/control/views/kept-list.ts';

t.test('what has not changed is the same object, and a list without a change the same list', async (t) => {
  const list = new KeptList<{ readonly id: string; readonly n: number }>((one, other) => one.id === other.id && one.n === other.n);
  const read = (...numbers: number[]) => list.next(numbers.map((n, at) => ({ id: String(at), n })));
  const first = await read(1, 2);
  t.equal(await read(1, 2), first);
  const second = await read(1, 3);
  t.strictSame(second, [
    { id: '0', n: 1 },
    { id: '1', n: 3 },
  ]);
  t.equal(second[0], first[0]);
  t.not(second[1], first[1]);
  const shorter = await read(1);
  t.strictSame(shorter, [{ id: '0', n: 1 }]);
  t.equal(await read(1), shorter);
});
