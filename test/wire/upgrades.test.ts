import { once } from 'node:events';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import type { RequestQueue } from '../../src/proxy/request-queue.ts';
import { Upstream } from '../../src/proxy/upstream.ts';
import { eventually } from '../tools/eventually.ts';
import { passTime } from '../tools/pass-time.ts';
import { field, statusOf } from './peer.ts';
import { agreed, ask, gone } from './upgrading.ts';
import { world } from './world.ts';

t.test('WebSocket from end to end', async (t) => {
  const w = await world(t, { route: { pick: () => upstream } });
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const upstream = new Upstream({ id: 'ws', host: '127.0.0.1', port });
  server.on('connection', (socket, request) => {
    socket.send(JSON.stringify({ url: request.url, headers: request.headers }));
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.on('close', (code, reason) => server.emit('closed', code, reason.toString()));
  });
  const client = new WebSocket(`ws://${w.listener.address}/socket?q`, 'chat');
  const [first] = await once(client, 'message');
  const seen = JSON.parse(first.toString());
  t.match(seen, {
    url: '/socket?q',
    headers: { 'x-forwarded-for': '127.0.0.1', via: '1.1 sluice', 'x-request-id': /-/, host: w.listener.address },
  });
  t.strictSame([upstream.active, upstream.upgraded, w.listener.active], [1, 1, 1]);
  for (const [data, binary] of [
    ['text', false],
    [Buffer.from([0, 255, 1]), true],
    [Buffer.alloc(300_000, 7), true],
  ] as const) {
    client.send(data);
    const [answer, isBinary] = await once(client, 'message');
    t.strictSame([Buffer.compare(answer, Buffer.from(data)), isBinary], [0, binary]);
  }
  client.close(4001, 'enough');
  t.strictSame(await once(server, 'closed'), [4001, 'enough']);
  await gone(w);
  t.strictSame([upstream.active, upstream.upgraded, upstream.statuses[1]], [0, 0, 1]);
  t.match(w.records, [{ status: 101, server: 'ws', aborted: false }]);
  for (const socket of server.clients) socket.terminate();
  server.close();
});

t.test('any protocol passes, with the octets that came right after the heads', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(`${ask()}early`);
  const request = await server.head();
  t.equal(request.line, 'GET /x?y HTTP/1.1');
  t.equal(field(request, 'upgrade'), 'chat');
  t.equal(field(request, 'connection'), 'Upgrade');
  t.equal(field(request, 'x-hop'), undefined);
  server.send(`${agreed}hello`);
  const response = await client.head();
  t.equal(statusOf(response), 101);
  t.equal(field(response, 'upgrade'), 'chat');
  t.equal(field(response, 'connection'), 'Upgrade');
  t.equal(field(response, 'x-a'), '1');
  t.equal(field(response, 'x-hop'), undefined);
  await client.take('hello');
  await server.take('early');
  client.send('\0\xff');
  await server.take('\0\xff');
  client.end();
  await server.rest();
  server.send('last');
  await client.take('last');
  server.end();
  await gone(w);
});

t.test('a server that does not switch', async (t) => {
  for (const [name, response, body] of [
    ['with a length', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-A: 1\r\n\r\nno', 'no'],
    ['in chunks', 'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\nno\r\n0\r\n\r\n', 'no'],
    ['without a body', 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', ''],
  ] as const) {
    await t.test(name, async (t) => {
      const w = await world(t);
      const { client, server } = await w.asked(ask());
      await server.head();
      server.send(response);
      const message = await client.message();
      t.equal(statusOf(message), statusOf({ line: response } as never));
      t.equal(field(message, 'x-a'), '1');
      t.equal(field(message, 'x-hop'), undefined);
      t.equal(field(message, 'connection'), undefined);
      t.ok(field(message, 'date'));
      t.equal(message.body, body);
      client.send('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
      t.equal((await server.head()).line, 'GET /next HTTP/1.1', 'both connections carry the next request');
      server.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      t.equal((await client.message()).body, 'ok');
      client.end();
      await gone(w);
      t.equal(w.upstream.upgraded, 0);
      t.match(w.outcomes, [{ kind: 'answered' }, { kind: 'answered' }]);
    });
  }
  await t.test('and breaks off its response', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(ask());
    await server.head();
    server.send('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n');
    await client.take('no');
    server.end();
    t.equal(await client.until('the end', () => client.over), 'reset');
    await gone(w);
  });
});

t.test('a server that does not switch, and falls silent within its response', async (t) => {
  for (const leaves of [false, true]) {
    await t.test(leaves ? 'after the client has sent its FIN' : 'while the client waits', async (t) => {
      const w = await world(t, { spec: { timeouts: { responseHead: '20s' } } });
      const { client, server } = await w.asked(ask());
      await server.head();
      server.send('HTTP/1.1 200 OK\r\n\r\nfirst');
      await client.take('first');
      if (leaves) client.end();
      server.send('second');
      await client.take('second');
      await passTime(20_000);
      t.equal(await client.until('the end', () => client.over), 'reset', 'a response without an end does not look complete');
      await server.closed();
      await gone(w);
    });
  }
});

t.test('a server that sends no response', async (t) => {
  for (const how of ['end', 'reset'] as const) {
    const w = await world(t);
    const { client, server } = await w.asked(ask());
    await server.head();
    server[how]();
    t.equal(statusOf(await client.message()), 502, how);
    client.end();
    await gone(w);
    t.equal(w.upstream.failures, 1);
  }
  const w = await world(t, { spec: { timeouts: { responseHead: '20s' } } });
  const { client, server } = await w.asked(ask());
  await server.head();
  await passTime(20_000);
  t.equal(statusOf(await client.message()), 504);
  client.end();
  await gone(w);
});

t.test('servers that refuse the connection are skipped', async (t) => {
  const w = await world(t, { deadServers: 1 });
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send(agreed);
  t.equal(statusOf(await client.head()), 101);
  client.end();
  server.end();
  await gone(w);
  const none = await world(t, { deadServers: 1, servers: 0 });
  const lonely = await none.client();
  lonely.send(ask());
  t.equal(statusOf(await lonely.message()), 502);
});

t.test('a request with a body does not switch', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(`${ask('Content-Length: 5\r\n')}hello`);
  const request = await server.message();
  t.equal(field(request, 'upgrade'), undefined);
  t.equal(request.body, 'hello');
  server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  t.equal(statusOf(await client.message()), 200);
});

t.test('an upgrade that the server ignores costs no connection and waits in the queue like any request', async (t) => {
  const w = await world(t, { spec: { limits: { connectionsPerServer: 1, tunnelsPerServer: 1, queue: 1 } } });
  const first = await w.asked(ask());
  await first.server.head();
  const second = await w.client();
  second.send(ask());
  const queue = w.route.queue as RequestQueue;
  await eventually(
    () => queue.length,
    (length) => length === 1,
    { what: 'the second request to wait' },
  );
  const third = await w.client();
  third.send(ask());
  t.equal(statusOf(await third.message()), 503, 'the queue is full');
  first.server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  t.equal(statusOf(await first.client.message()), 200);
  await first.server.head();
  first.server.send(agreed);
  t.equal(statusOf(await second.head()), 101);
  t.equal(w.server.count, 1, 'a kept connection is used, and becomes the tunnel');
  t.strictSame([w.upstream.active, w.upstream.upgraded, w.upstream.pool.open], [1, 1, 0]);
  first.client.send(ask());
  await eventually(
    () => queue.length,
    (length) => length === 1,
    { what: 'the next request to wait for the end of the tunnel' },
  );
  second.end();
  await first.server.closed();
  first.server.end();
  const next = await w.server.next();
  await next.head();
  next.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  t.equal(statusOf(await first.client.message()), 200);
});

t.test('tunnels are counted apart from requests', async (t) => {
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  await t.test('a tunnel takes no room from requests, and those that wait go ahead when it opens', async (t) => {
    const w = await world(t, { spec: { limits: { connectionsPerServer: 1, queue: 2 } } });
    const { client, server } = await w.asked(ask());
    await server.head();
    const waiting = await w.client();
    waiting.send(get);
    await eventually(
      () => w.route.queue?.length,
      (length) => length === 1,
      { what: 'the request to wait' },
    );
    server.send(agreed);
    t.equal(statusOf(await client.head()), 101);
    const other = await w.server.next();
    await other.head();
    t.strictSame([w.upstream.active, w.upstream.upgraded, w.upstream.available], [2, 1, false]);
    other.send(ok);
    t.equal(statusOf(await waiting.message()), 200);
    t.ok(w.upstream.available);
  });
  await t.test('tunnelsPerServer limits tunnels, those being agreed on included, and no other requests', async (t) => {
    const w = await world(t, { servers: 2, spec: { limits: { tunnelsPerServer: 1 } } });
    const first = await w.asked(ask());
    await first.server.head();
    const second = await w.client();
    second.send(ask());
    const elsewhere = await (w.servers[1] as typeof w.server).next();
    await elsewhere.head();
    const third = await w.client();
    third.send(ask());
    const refused = await third.message();
    t.strictSame([statusOf(refused), field(refused, 'retry-after')], [503, '1']);
    third.send(get);
    const plain = await w.server.next();
    await plain.head();
    plain.send(ok);
    t.equal(statusOf(await third.message()), 200);
    first.server.send(agreed);
    await first.client.head();
    elsewhere.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    t.equal(statusOf(await second.message()), 200, 'this server did not switch, and has room again');
    third.send(ask());
    await elsewhere.head();
    elsewhere.send(agreed);
    t.equal(statusOf(await third.head()), 101);
    t.strictSame(
      w.upstreams.map(({ tunnels, upgraded }) => [tunnels, upgraded]),
      [
        [1, 1],
        [1, 1],
      ],
    );
    for (const peer of [first.client, third]) peer.reset();
    await w.quiet();
    t.strictSame(
      w.upstreams.map(({ tunnels }) => tunnels),
      [0, 0],
    );
  });
  await t.test('a tunnel that waits in the queue holds up no request behind it', async (t) => {
    const w = await world(t, { spec: { limits: { connectionsPerServer: 1, tunnelsPerServer: 1, queue: 2 } } });
    const { client, server } = await w.asked(ask());
    await server.head();
    server.send(agreed);
    await client.head();
    const busy = await w.asked(get);
    await busy.server.head();
    const waiting = await w.client();
    waiting.send(ask());
    const behind = await w.client();
    behind.send(get);
    await eventually(
      () => w.route.queue?.length,
      (length) => length === 2,
      { what: 'both to wait' },
    );
    busy.server.send(ok);
    await busy.server.head();
    busy.server.send(ok);
    t.equal(statusOf(await behind.message()), 200);
    t.equal(w.route.queue?.length, 1);
    client.reset();
    await busy.server.head();
    busy.server.send(agreed);
    t.equal(statusOf(await waiting.head()), 101);
  });
});

t.test('protocols that replace HTTP on one connection only are not offered to the server', async (t) => {
  for (const [offered, passed] of [
    ['TLS/1.2', undefined],
    ['tls/1.0, TLS/1.3', undefined],
    ['h2c', undefined],
    ['HTTP/2.0', undefined],
    ['h2c, websocket', 'websocket'],
    ['TLS/1.2 , chat/2,h2c', 'chat/2'],
    ['chat, IRC/6.9', 'chat, IRC/6.9'],
  ] as const) {
    await t.test(offered, async (t) => {
      const w = await world(t);
      const { client, server } = await w.asked(ask('', offered));
      const request = await server.head();
      t.equal(field(request, 'upgrade'), passed);
      t.equal(field(request, 'connection'), passed === undefined ? undefined : 'Upgrade');
      server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      t.equal(statusOf(await client.message()), 200);
      client.send(ask('', offered));
      await server.head();
      server.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      t.equal(statusOf(await client.message()), 502, 'a server cannot switch to what it was not offered');
      t.equal(w.server.count, 1);
    });
  }
});

t.test('fields keep their order, spelling and octets, in both directions', async (t) => {
  const w = await world(t, { spec: { underscores: 'keep' } });
  const lines = 'B-Field: 1\r\nconstructor: x\r\n__proto__: y\r\nA-Field: 2\r\ntoString: z\r\n7: seven\r\nB-FIELD: 3\r\nX-Latin: \xe9\r\n';
  const { client, server } = await w.asked(ask(lines));
  t.ok((await server.head()).raw.includes(lines));
  server.send(`HTTP/1.1 101 Off We Go\r\n${lines}Connection: upgrade\r\nUpgrade: Chat\r\n\r\n`);
  const response = await client.head();
  t.equal(response.line, 'HTTP/1.1 101 Off We Go');
  t.ok(response.raw.includes(lines));
  t.equal(field(response, 'upgrade'), 'Chat');
});

t.test('interim responses come before the switch', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
  const hints = await client.head();
  t.strictSame([statusOf(hints), field(hints, 'link')], [103, '</a>']);
  server.send(`${agreed}hello`);
  t.equal(statusOf(await client.head()), 101);
  await client.take('hello');
});

t.test('the route sees the 101, and can add fields to it or answer in its place', async (t) => {
  const w = await world(t, { route: { respond: (exchange) => exchange.response.headers.add('Set-Cookie', 'at=1') } });
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send(agreed);
  t.equal(field(await client.head(), 'set-cookie'), 'at=1');
  const strict = await world(t, { route: { respond: (exchange) => exchange.respond(403, {}, 'no') } });
  const both = await strict.asked(ask());
  await both.server.head();
  both.server.send(agreed);
  t.equal(statusOf(await both.client.message()), 403);
  await both.server.closed();
  await strict.quiet();
});
