import t from 'tap';
import type { Exchange, Route } from '../../src/proxy/contract.ts';
import { field, statusOf } from './peer.ts';
import { type World, type WorldOptions, world } from './world.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const post = (fields: string, body = '') => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;

/** A world whose role collects each body, up to 1,000 octets, and forwards the request; `change` sees the body first. */
async function collecting(
  t: Parameters<typeof world>[0],
  change: (exchange: Exchange, body: Buffer) => void = () => {},
  options: WorldOptions = {},
): Promise<World & { bodies: (string | undefined)[] }> {
  const bodies: (string | undefined)[] = [];
  let route: Route | undefined;
  const request = async (exchange: Exchange) => {
    const body = await exchange.collectBody(1000);
    bodies.push(body?.toString('latin1'));
    if (body === undefined) return;
    change(exchange, body);
    exchange.forward(route as Route);
  };
  const made = await world(t, { ...options, handler: { request: (exchange) => void request(exchange) } });
  route = made.route;
  return Object.assign(made, { bodies });
}

t.test('a role sees the whole body, however it comes, before the server gets it as it was', async (t) => {
  const w = await collecting(t);
  const client = await w.client();
  client.send(post('Content-Length: 11\r\n', 'hello'));
  await w.inFlight(1);
  client.send(' world');
  const server = await w.server.next();
  const request = await server.message();
  t.match([request.body, field(request, 'content-length')], ['hello world', '11']);
  server.send(ok);
  await client.message();

  client.send(post('Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n', '5\r\nhello\r\n'));
  await w.inFlight(1);
  client.send('6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n');
  const chunked = await server.message();
  t.match([chunked.body, chunked.trailers], ['hello world', 'X-Sum: 7\r\n']);
  server.send(ok);
  await client.message();

  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.notOk(field(await server.message(), 'content-length'));
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
  t.strictSame(w.bodies, ['hello world', 'hello world', '']);
});

t.test('a client that waits for 100 (Continue) gets it before the role has decided, and the server gets no Expect', async (t) => {
  const w = await collecting(t);
  const client = await w.client();
  client.send(post('Content-Length: 5\r\nExpect: 100-continue\r\n'));
  t.match((await client.head()).line, /^HTTP\/1\.1 100 /);
  t.equal(w.server.count, 0);
  client.send('hello');
  const server = await w.server.next();
  const request = await server.message();
  t.match([request.body, field(request, 'expect')], ['hello', undefined]);
  server.send(ok);
  t.equal(statusOf(await client.message()), 200);
  client.send(post('Content-Length: 1\r\n', 'x'));
  t.equal((await server.message()).body, 'x', 'both connections are used again');
});

t.test('a body that is too large to be collected is refused: a known length before it comes, another as soon as it exceeds', async (t) => {
  const w = await collecting(t);
  const expecting = await w.client();
  expecting.send(post('Content-Length: 1001\r\nExpect: 100-continue\r\n'));
  const refused = await expecting.message();
  t.match([statusOf(refused), JSON.parse(refused.body)], [413, { code: 'body-too-large' }]);

  const client = await w.client();
  client.send(post('Transfer-Encoding: chunked\r\n', `3e8\r\n${'x'.repeat(1000)}\r\n`));
  await w.inFlight(1);
  client.send('1\r\nx\r\n');
  t.equal(statusOf(await client.message()), 413);
  await w.quiet();
  t.equal(w.server.count, 0);
  t.strictSame(w.bodies, [undefined, undefined]);
});

t.test('a client that leaves or stops before its body is complete ends the exchange', async (t) => {
  const w = await collecting(t, undefined, { spec: { timeouts: { requestBody: '200ms' }, limits: { bodyRate: 1000 } } });
  const leaving = await w.client();
  leaving.send(post('Content-Length: 5\r\n', 'he'));
  await w.inFlight(1);
  leaving.reset();
  await w.quiet();
  const stopping = await w.client();
  stopping.send(post('Content-Length: 5\r\n', 'he'));
  t.equal(statusOf(await stopping.message()), 408);
  t.strictSame(w.bodies, [undefined, undefined]);
  t.strictSame(w.faults, []);
});

t.test('a server gets the body that a role has put in place of the received one, with its length', async (t) => {
  const w = await collecting(t, (exchange, body) => exchange.replaceBody(Buffer.from(`<${body}>`)));
  const client = await w.client();
  client.send(post('Content-Length: 5\r\nContent-Digest: sha-256=:AA==:\r\n', 'hello'));
  const server = await w.server.next();
  const request = await server.message();
  t.match([request.body, field(request, 'content-length'), field(request, 'content-digest')], ['<hello>', '7', undefined]);
  server.send(ok);
  await client.message();
  client.send(post('Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n', '5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n'));
  const chunked = await server.message();
  t.match(
    [chunked.body, ...['content-length', 'transfer-encoding', 'trailer'].map((name) => field(chunked, name))],
    ['<hello>', '7', undefined, undefined],
  );
  server.send(ok);
  await client.message();
  client.send('DELETE / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.match((await server.message()).body, '<>', 'a request without body can get one');
});

t.test('a collected body is sent again to another server', async (t) => {
  const w = await collecting(t, (exchange, body) => exchange.replaceBody(Buffer.from(`<${body}>`)), {
    servers: 2,
    deadServers: 1,
    spec: { retries: { attempts: 3, methods: ['PUT'] } },
  });
  const client = await w.client();
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  const first = await w.server.next();
  t.equal((await first.message()).body, '<hello>');
  first.reset();
  const second = await (w.servers[1] as World['server']).next();
  t.equal((await second.message()).body, '<hello>');
  second.send(ok);
  t.equal(statusOf(await client.message()), 200);
});

t.test('a limit that a role sets holds while the body streams', async (t) => {
  let route: Route | undefined;
  const handler = {
    request(exchange: Exchange) {
      exchange.limitBody(10);
      exchange.limitBody(20);
      exchange.forward(route as Route);
    },
  };
  const w = await world(t, { handler });
  route = w.route;
  const known = await w.client();
  known.send(post('Content-Length: 11\r\n'));
  t.equal(statusOf(await known.message()), 413);
  t.equal(w.server.count, 0);

  const { client, server } = await w.asked(post('Transfer-Encoding: chunked\r\n', 'a\r\n0123456789\r\n'));
  await server.take('0123456789');
  client.send('1\r\nx\r\n');
  t.equal(statusOf(await client.message()), 413);
  await server.closed();

  const fitting = await w.asked(post('Content-Length: 10\r\n', '0123456789'));
  await fitting.server.message();
  fitting.server.send(ok);
  t.equal(statusOf(await fitting.client.message()), 200);
});

t.test('a body that arrives before a role decides later streams on, over a new connection and over one that is used again', async (t) => {
  let route: Route | undefined;
  let decide = () => {};
  const handler = {
    request(exchange: Exchange) {
      decide = () => exchange.forward(route as Route);
    },
  };
  const w = await world(t, { handler });
  route = w.route;
  const client = await w.client();
  let server: Awaited<ReturnType<World['server']['next']>> | undefined;
  for (const run of ['new', 'used again']) {
    client.send(post('Content-Length: 200010\r\n', '0123456789'));
    await w.inFlight(1);
    await client.sent('x'.repeat(100_000));
    decide();
    client.send('x'.repeat(100_000));
    server ??= await w.server.next();
    t.equal((await server.message()).body.length, 200_010, run);
    server.send(ok);
    t.equal(statusOf(await client.message()), 200);
  }
});
