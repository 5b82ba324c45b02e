import t from 'tap';
import type { Exchange } from '../../src/proxy/contract.ts';
import { InProcessListener } from '../../src/proxy/in-process-listener.ts';
import type { Passage } from '../../src/proxy/passage.ts';
import { passTime } from '../tools/pass-time.ts';
import { field, type Peer, statusOf } from '../wire/peer.ts';
import { agreed, ask } from '../wire/upgrading.ts';
import { world } from '../wire/world.ts';

interface Asked {
  readonly client: Peer;
  readonly server: Peer;
}

const post = 'POST /a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.1\r\nContent-Length: 5\r\n\r\nhello';
const get = 'GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n';
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

t.test('an exchange of one role is handled by another one of this process as if over a connection', async (t) => {
  let seen: Exchange | undefined;
  const w = await world(t, {
    front: {},
    handler: {
      request(exchange) {
        seen = exchange;
        exchange.request.headers.set('X-Added', 'here');
        exchange.forward({ ...w.route, respond: ({ response }) => response.headers.set('X-Answered', 'here') });
      },
    },
  });
  const { client, server } = await w.asked(post);
  const request = await server.message();
  t.equal(request.body, 'hello');
  t.match(
    [field(request, 'x-forwarded-for'), field(request, 'via'), field(request, 'x-added')],
    ['127.0.0.1', '1.1 sluice', 'here'],
    'one proxy is seen, which the client has reached',
  );
  t.equal(field(request, 'x-request-id'), seen?.id);
  server.send('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n');
  t.equal(statusOf(await client.head()), 103);
  server.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-B: 1\r\n\r\n3\r\nabc\r\n');
  await client.take('3\r\nabc\r\n');
  server.send('0\r\n\r\n');
  await client.take('0\r\n\r\n');
  client.send(get);
  await server.head();
  server.send(ok('again'));
  const answer = await client.message();
  t.match([answer.body, field(answer, 'x-answered')], ['again', 'here'], 'over the same connections');
  await w.quiet();
  t.strictSame(w.faults, []);
});

t.test('an answer of the second role may be followed by an attempt elsewhere, with the request as it came', async (t) => {
  const w = await world(t, {
    front: { retries: { statuses: [503], methods: ['GET', 'POST'] } },
    elsewhere: true,
    handler: {
      async request(exchange) {
        const body = await exchange.collectBody(100);
        exchange.replaceBody(Buffer.from(`other ${body}`));
        exchange.request.headers.set('X-Added', 'here');
        exchange.respond(503, {}, 'no');
      },
    },
  });
  const { client, server } = await w.asked(post);
  const request = await server.message();
  t.match([request.body, field(request, 'content-length'), field(request, 'x-added')], ['hello', '5', undefined]);
  server.send(ok('elsewhere'));
  t.equal((await client.message()).body, 'elsewhere');
});

t.test('the first role limits the silence of the second', async (t) => {
  let seen: Exchange | undefined;
  const w = await world(t, {
    front: { timeouts: { responseHead: '300ms' } },
    handler: {
      request(exchange) {
        seen = exchange;
      },
    },
  });
  const client = await w.client();
  client.send(get);
  t.equal(statusOf(await client.message()), 504);
  t.equal(seen?.over, true, 'it has ended for the second role, too');
});

t.test('exchanges that end in any order leave the others their own limits', async (t) => {
  const w = await world(t, { front: { timeouts: { responseHead: '10s' } } });
  const asked = [await w.asked(get), await w.asked(get), await w.asked(get), await w.asked(get)];
  for (const { server } of asked) await server.head();
  const [first, second, third, fourth] = asked as [Asked, Asked, Asked, Asked];
  first.server.send(ok('first'));
  t.equal((await first.client.message()).body, 'first');
  third.server.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
  await third.client.take('abc');
  await passTime(6000);
  third.server.send('def');
  await third.client.take('def');
  await passTime(6000);
  for (const { client } of [second, fourth]) t.equal(statusOf(await client.message()), 504);
  third.server.send('ghi');
  await third.client.take('ghi');
  await w.quiet();
  t.strictSame(w.faults, []);
});

t.test('a listener closes when its last exchange has ended, in whichever order', async (t) => {
  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [2, 1, 0],
  ]) {
    const listener = new InProcessListener('', { request() {}, fault() {} });
    const open = [0, 1, 2].map(() => listener.open() as Passage);
    const closed = listener.close(60_000);
    for (const [index, place] of order.entries()) {
      t.equal(listener.active, open.length - index);
      listener.left(open[place] as Passage);
    }
    listener.left(open[0] as Passage);
    t.equal(listener.active, 0);
    await closed;
    t.equal(listener.open(), undefined);
  }
});

t.test('a client that leaves, or a target that breaks off, ends both sides', async (t) => {
  const w = await world(t, { front: {} });
  const first = await w.asked(get);
  await first.server.head();
  first.client.reset();
  await first.server.closed();
  await w.quiet();
  const second = await w.asked(get);
  await second.server.head();
  second.server.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
  await second.client.take('abc');
  second.server.reset();
  t.equal(await second.client.closed(), 'reset');
  await w.quiet();
});

t.test('protocols are switched, and each side of the tunnel closes its own direction', async (t) => {
  const w = await world(t, { front: {} });
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send(`${agreed}greeting`);
  t.equal(statusOf(await client.head()), 101);
  await client.take('greeting');
  client.send('ping');
  await server.take('ping');
  client.end();
  await server.rest();
  server.send('rest');
  server.end();
  t.equal(await client.rest(), 'rest');
  await w.quiet();
});
