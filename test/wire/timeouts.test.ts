import t, { type Test } from 'tap';
import { environmentSpec } from '../../src/model/environment.ts';
import type { Route } from '../../src/proxy/contract.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { passTime, passTimeUntil } from '../tools/pass-time.ts';
import { deafServer } from './deaf-server.ts';
import { statusOf } from './peer.ts';
import { type World, type WorldOptions, world } from './world.ts';

/** The number of connections that fill a queue is known only for Linux. */
const deafness = process.platform === 'linux' ? {} : { skip: 'needs Linux' };
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const busy = 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n';

/** Opens a world in which `first` is tried before the servers. */
async function worldAfter(t: Test, first: Upstream, options: WorldOptions): Promise<World> {
  const pick: Route['pick'] = (_, tried) => [first, ...made.upstreams].find((upstream) => !tried.includes(upstream));
  const made: World = await world(t, { ...options, route: { pick } });
  return made;
}

t.test('connect: a server that accepts no connection', deafness, async (t) => {
  const deaf = () => new Upstream({ id: 'deaf', host: '127.0.0.1', port });
  const port = await deafServer(t);
  const connect = '20s';
  await t.test('the next server gets the request, whatever the method', async (t) => {
    const first = deaf();
    const w = await worldAfter(t, first, { spec: { timeouts: { connect } } });
    const client = await w.client();
    client.send(post);
    await w.inFlight(1);
    await passTime(20_000);
    const server = await w.server.next();
    t.equal((await server.message()).body, 'hello');
    server.send(ok);
    t.equal((await client.message()).body, 'ok');
    t.match(w.outcomes, [{ kind: 'connect-timeout' }, { kind: 'answered' }]);
    t.match(first, { failures: 1, active: 0, pool: { open: 0 } });
  });
  await t.test('504 if there is no other server', async (t) => {
    for (const request of [get, post, upgrade]) {
      const w = await worldAfter(t, deaf(), { servers: 0, spec: { timeouts: { connect } } });
      const client = await w.client();
      client.send(request);
      await w.inFlight(1);
      await passTime(20_000);
      const answer = await client.message();
      t.equal(statusOf(answer), 504);
      t.match(JSON.parse(answer.body), { code: 'connect-timeout' });
      await w.quiet();
    }
  });
  await t.test('a client that disconnects meanwhile ends the attempt', async (t) => {
    const first = deaf();
    const w = await worldAfter(t, first, { servers: 0 });
    const client = await w.client();
    client.send(get);
    await w.inFlight(1);
    t.equal(first.pool.open, 1);
    client.reset();
    await w.quiet();
    t.equal(first.pool.open, 0);
    t.match(w.outcomes, [{ kind: 'aborted' }]);
  });
});

t.test('connect: a server that does not begin its TLS handshake', async (t) => {
  const w: World = await world(t, {
    spec: { timeouts: { connect: '20s' }, retries: { attempts: 1 } },
    route: { pick: () => mute },
  });
  const mute = new Upstream({ id: 'mute', host: '127.0.0.1', port: w.server.port, secure: new TlsConnector({ verify: false }) });
  const { client } = await w.asked(get);
  await passTime(20_000);
  t.match(JSON.parse((await client.message()).body), { status: 504, code: 'connect-timeout' });
  t.equal(mute.pool.open, 0);
});

t.test('total: limits all attempts together', async (t) => {
  // Less than a client may be behind with its body.
  const total = '15s';
  await t.test('the second hangs', async (t) => {
    const w = await world(t, { servers: 2, spec: { timeouts: { total }, retries: { statuses: [503] } } });
    const { client, server } = await w.asked(get);
    await server.message();
    server.send(busy);
    const second = await w.servers[1]?.next();
    await second?.message();
    await passTime(15_000);
    t.match(JSON.parse((await client.message()).body), { status: 504, code: 'total-timeout' });
    await second?.closed();
    t.match(w.outcomes, [{ kind: 'answered', status: 503 }, { kind: 'head-timeout' }]);
  });
  await t.test('one attempt follows the other', async (t) => {
    const w = await world(t, {
      servers: 4,
      spec: { timeouts: { total, responseHead: '7s' }, retries: { statuses: [503], attempts: 4 } },
    });
    const client = await w.client();
    client.send(get);
    for (const [index, server] of w.servers.slice(0, 3).entries()) {
      const asked = await server.next();
      await asked.message();
      // Each server takes nearly as long as it may.
      await passTime(5_000);
      if (index < 2) asked.send(busy);
    }
    t.match(JSON.parse((await client.message()).body), { status: 504, code: 'total-timeout' });
    t.strictSame(
      w.servers.map(({ count }) => count),
      [1, 1, 1, 0],
    );
  });
  await t.test('no connection is established', deafness, async (t) => {
    const first = new Upstream({ id: 'deaf', host: '127.0.0.1', port: await deafServer(t) });
    const w = await worldAfter(t, first, { servers: 0, spec: { timeouts: { total, connect: '20s' } } });
    const client = await w.client();
    client.send(get);
    await w.inFlight(1);
    await passTime(15_000);
    t.match(JSON.parse((await client.message()).body), { status: 504, code: 'total-timeout' });
    t.equal(first.pool.open, 0);
    t.match(w.outcomes, [{ kind: 'aborted' }], 'the server has not had all of its time');
  });
  await t.test('while the exchange waits for a server', async (t) => {
    const limits = { connectionsPerServer: 1, queue: 1, queueTimeout: '20s' };
    const w = await world(t, {
      spec: { timeouts: { total }, limits },
      handler: { request: (exchange) => exchange.forward(exchange.request.path === '/endless' ? endless() : w.route) },
    });
    const endless = () => ({ ...w.route, settings: environmentSpec.parse({ limits }) });
    const { server } = await w.asked(get.replace('/', '/endless'));
    await server.message();
    const waiting = await w.client();
    waiting.send(get);
    await w.inFlight(2);
    await passTime(15_000);
    t.match(JSON.parse((await waiting.message()).body), { status: 504, code: 'total-timeout' });
  });
  await t.test('a response that has begun breaks off', async (t) => {
    const w = await world(t, { spec: { timeouts: { total } } });
    const { client, server } = await w.asked(get);
    await server.message();
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx');
    await client.take('x');
    await passTime(10_000);
    server.send('x');
    await client.take('x');
    await passTime(5_000);
    t.equal(await client.until('the end', () => client.over), 'reset');
    await w.quiet();
  });
  await t.test('a client that is slow with its body gets 504, and no server is blamed', async (t) => {
    const w = await world(t, { spec: { timeouts: { total } } });
    const { client, server } = await w.asked(post.slice(0, -1));
    await server.head();
    await passTime(15_000);
    t.match(JSON.parse((await client.message()).body), { status: 504, code: 'total-timeout' });
    t.match(w.outcomes, [{ kind: 'aborted' }]);
  });
});

t.test('requestHead: each head on a connection has its own limit, from its first octet', async (t) => {
  const w = await world(t, { spec: { timeouts: { requestHead: '10s', clientIdle: '1h' } } });
  const { client, server } = await w.asked(get);
  for (let turn = 0; turn < 3; turn++) {
    await server.message();
    // Three such pauses are longer than the limit of a head.
    await passTime(7_000);
    server.send(ok);
    t.equal((await client.message()).body, 'ok');
    client.send(turn < 2 ? get : get.slice(0, -1));
  }
  t.equal(statusOf(await passTimeUntil(client.message(), 10_000)), 408);
});

t.test('upstreamIdle: 0 keeps no connection', async (t) => {
  const w = await world(t, { spec: { timeouts: { upstreamIdle: '0s' } } });
  for (let turn = 0; turn < 2; turn++) {
    const { client, server } = await w.asked(get);
    await server.message();
    server.send(ok);
    t.equal((await client.message()).body, 'ok');
    await server.closed();
  }
  t.equal(w.upstream.pool.open, 0);
});
