import { once } from 'node:events';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Upstream } from '../../src/proxy/upstream.ts';
import { eventually } from '../tools/eventually.ts';
import { field, statusOf } from './peer.ts';
import { type World, world } from './world.ts';

const ask = (more = '', protocol = 'chat') =>
  `GET /x?y HTTP/1.1\r\nHost: A.test\r\nConnection: Upgrade, X-Hop\r\nUpgrade: ${protocol}\r\nX-Hop: 1\r\n${more}\r\n`;
const agreed = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nX-A: 1\r\nUpgrade: chat\r\n\r\n';

/** Waits until no exchange is in flight and every client connection is closed. */
async function gone(w: World): Promise<void> {
  await w.quiet();
  await eventually(
    () => w.listener.connections,
    (connections) => connections === 0,
    { what: 'all client connections to close' },
  );
}

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
      t.equal(field(message, 'connection'), 'close');
      t.equal(field(message, 'transfer-encoding'), undefined);
      t.ok(field(message, 'date'));
      t.equal(message.body, body);
      t.equal(await client.rest(), '');
      client.end();
      await gone(w);
      t.equal(w.upstream.upgraded, 0);
      t.match(w.outcomes, [{ kind: 'answered' }]);
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
      const w = await world(t, { spec: { timeouts: { responseHead: '300ms' } } });
      const { client, server } = await w.asked(ask());
      await server.head();
      server.send('HTTP/1.1 200 OK\r\n\r\nfirst');
      await client.take('first');
      if (leaves) client.end();
      server.send('second');
      await client.take('second');
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
  const w = await world(t, { spec: { timeouts: { responseHead: '150ms' } } });
  const { client, server } = await w.asked(ask());
  await server.head();
  t.equal(statusOf(await client.message()), 504);
  client.end();
  await gone(w);
});

t.test('either side can end the tunnel', async (t) => {
  for (const side of ['client', 'server'] as const) {
    for (const how of ['end', 'reset'] as const) {
      const w = await world(t);
      const both = await w.asked(ask());
      await both.server.head();
      both.server.send(agreed);
      await both.client.head();
      t.equal(w.upstream.upgraded, 1);
      const other = side === 'client' ? both.server : both.client;
      both[side][how]();
      await other.closed();
      other.end();
      await gone(w);
      t.strictSame([w.upstream.active, w.upstream.upgraded], [0, 0], `${side} ${how}`);
    }
  }
  await t.test('the client, before the response', async (t) => {
    const w = await world(t);
    const { client, server } = await w.asked(ask());
    await server.head();
    client.reset();
    await server.closed();
    server.end();
    await gone(w);
    t.match(w.records, [{ status: 0, aborted: true }]);
    t.match(w.outcomes, [{ kind: 'aborted' }]);
  });
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

t.test('a listener that closes gives tunnels the grace time', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked(ask());
  await server.head();
  server.send(agreed);
  await client.head();
  const closed = w.listener.close(300);
  client.send('still there');
  await server.take('still there');
  await closed;
  await client.closed();
  await server.closed();
  server.end();
  await gone(w);
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
