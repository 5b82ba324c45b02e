import t from 'tap';
import { statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
const post = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi';
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine';

t.test('a request that waits for a hung server goes to another server at once, if it may be repeated', async (t) => {
  const w = await world(t, { servers: 2 });
  const [hung, well] = w.servers;
  const { client, server } = await w.asked(get);
  await server.take('\r\n\r\n');
  w.upstream.doubt();
  const other = await well?.next();
  t.match(await other?.head(), { line: 'GET /a HTTP/1.1' });
  other?.send(answer);
  t.equal((await client.message()).body, 'mine');
  await server.closed();
  t.equal(hung?.count, 1);
  t.match(
    w.outcomes,
    [
      { kind: 'aborted', reason: 'the server hangs' },
      { kind: 'answered', status: 200 },
    ],
    'the hung server is not reported a second time',
  );
  t.equal(w.upstream.failures, 1);
});

t.test('a request that must not be repeated, or is being answered, stays with the hung server', async (t) => {
  const w = await world(t, { servers: 2 });
  const [first, second] = w.servers;
  const posted = await w.asked(post);
  await posted.server.take('hi');
  const begun = await w.asked(get);
  await begun.server.take('\r\n\r\n');
  begun.server.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmi');
  await begun.client.take('mi');
  w.upstream.doubt();
  begun.server.send('ne');
  await begun.client.take('ne');
  posted.server.send(answer);
  t.equal(statusOf(await posted.client.message()), 200);
  t.strictSame([first?.count, second?.count], [2, 0]);
});

t.test('without another server a request stays with the hung one', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(get);
  await server.take('\r\n\r\n');
  w.upstream.doubt();
  server.send(answer);
  t.equal((await client.message()).body, 'mine');
});
