import t from 'tap';
import type { ServerAnswer } from '../../src/api/answers.ts';
import { ServerLists } from '../../src/control/views/server-lists.ts';
import { jsonPieces } from '../../src/model/json-pieces.ts';
import { server } from './sample-server.ts';

const ids = ['a', 'b', 'c', 'd'];

t.test('what has not changed is the same object in the next list', async (t) => {
  let now: ServerAnswer[] = [];
  const lists = new ServerLists(async () => structuredClone(now));
  now = ids.map((id) => ({ ...server, id, lastSeen: 1000 }));
  const first = await lists.next();
  t.strictSame(first, now);
  now = now.map((one) => ({ ...one, lastSeen: 1100 }));
  t.equal(await lists.next(), first, 'the same lease, read again');
  now = now.map((one) => (one.id === 'c' ? { ...one, requests: 7 } : one)).filter(({ id }) => id !== 'a');
  now.push({ ...server, id: 'e', lastSeen: null });
  const second = await lists.next();
  t.strictSame(
    second.map(({ id, requests }) => [id, requests]),
    [
      ['b', 0],
      ['c', 7],
      ['d', 0],
      ['e', 0],
    ],
  );
  t.strictSame([second[0] === first[1], second[1] === first[2], second[2] === first[3]], [true, false, true]);
  now = now.map((one) => (one.id === 'd' ? { ...one, lastSeen: 1600 } : one));
  const third = await lists.next();
  t.equal(third.find(({ id }) => id === 'd')?.lastSeen, 1600, 'the lease was renewed');
  t.equal((await lists.next())[2], third[2]);
});

t.test('the JSON of a list is that of its servers, kept or not', async (t) => {
  let requests = 0;
  const lists = new ServerLists(async () =>
    Array.from({ length: 300 }, (_, index) => ({
      ...server,
      id: `s${String(index).padStart(3, '0')}`,
      requests: index % 3 === 0 ? requests : 0,
    })),
  );
  for (; requests < 4; requests++) {
    const list = await lists.next();
    t.equal([...jsonPieces(list)].join(''), JSON.stringify(list));
  }
});
