import t, { type Test } from 'tap';
import { ServerPool } from '../../src/balancer/server-pool.ts';
import { systemClock } from '../../src/model/clock.ts';
import { silentLogger } from '../tools/fake-logger.ts';
import { field, type Peer, statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';
import { server, table } from './tables.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Two servers with room for one request each, and a client that has the cookie of the one that answered it. */
async function setUp(t: Test, limits: { queue: number; queueTimeout?: string }) {
  const w = await world(t, { servers: 2, handler: { request: (exchange) => exchange.forward(pool) } });
  const members = w.servers.map(({ port }) => server(`s${port}`, { address: `127.0.0.1:${port}` }));
  const spec = { sticky: { cookie: 'sid' }, limits: { connectionsPerServer: 1, ...limits } } as const;
  const pool = new ServerPool(table(members, spec), {
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
    suspect() {},
    report() {},
  });
  t.teardown(() => pool.close());
  const first = await w.client();
  first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const connections = w.servers.map((each) => each.next());
  const at = await Promise.race(connections.map((connection, index) => connection.then(() => index)));
  const own = await (connections[at] as Promise<Peer>);
  const elsewhere = connections[1 - at] as Promise<Peer>;
  await own.head();
  own.send(ok);
  const cookie = field(await first.message(), 'set-cookie')?.split(';')[0] ?? '';
  t.match(cookie, /^sid=./);
  const get = `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`;
  // Fills the client's own server.
  const filling = await w.client();
  filling.send(get);
  await own.head();
  return { w, pool, own, other: elsewhere, get, filling };
}

t.test('with a queue, a client waits for its own server, and holds up no others', async (t) => {
  const { w, pool, own, other, get, filling } = await setUp(t, { queue: 5, queueTimeout: '5s' });
  const waiting = await w.client();
  waiting.send(get);
  await w.inFlight(2);
  t.equal(pool.live().waiting, 1);
  const stranger = await w.client();
  stranger.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const elsewhere = await other;
  await elsewhere.head();
  elsewhere.send(ok);
  t.equal(statusOf(await stranger.message()), 200, 'served by the other server, past the one that waits');
  t.equal(pool.live().waiting, 1);
  own.send(ok);
  await filling.message();
  await own.head();
  own.send(ok);
  const answer = await waiting.message();
  t.equal(statusOf(answer), 200);
  t.equal(field(answer, 'set-cookie'), undefined);
});

for (const [name, limits] of [
  ['after queueTimeout another server is asked, and the client keeps its cookie', { queue: 5, queueTimeout: '200ms' }],
  ['without a queue another server is asked at once, and the client keeps its cookie', { queue: 0 }],
] as const) {
  t.test(name, async (t) => {
    const { w, other, get } = await setUp(t, limits);
    const client = await w.client();
    client.send(get);
    const elsewhere = await other;
    await elsewhere.head();
    elsewhere.send(ok);
    const answer = await client.message();
    t.equal(statusOf(answer), 200);
    t.equal(field(answer, 'set-cookie'), undefined);
  });
}
