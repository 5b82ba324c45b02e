import { PassThrough, Transform } from 'node:stream';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import t from 'tap';
import type { BodyObserver, BodyStream } from '../../src/http1/message/bodies.ts';
import type { Exchange, Route } from '../../src/proxy/contract.ts';
import { eventually } from '../tools/eventually.ts';
import { field, type Peer, statusOf } from './peer.ts';
import { type World, world } from './world.ts';

const mebi = 1024 * 1024;
const get = (version = '1.1', fields = '') => `GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;
const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Digest: sha-256=:AA==:\r\n\r\nhello';

/** A stream that puts each piece between brackets. */
const bracketing = () => new Transform({ transform: (piece, _encoding, done) => done(null, `<${piece}>`) });

/** A world in which `respond` decides about the body of each response. */
function responding(t: Parameters<typeof world>[0], respond: (exchange: Exchange) => void, options = {}): Promise<World> {
  return world(t, { ...options, route: { respond } as Partial<Route> });
}

/** Sends a request from a new client, and the response of the server, over a connection of its own. */
async function answered(w: World, request: string, response: string): Promise<{ client: Peer; server: Peer }> {
  const peers = await w.asked(request);
  await peers.server.head();
  peers.server.send(response.replace('\r\n', '\r\nConnection: close\r\n'));
  return peers;
}

t.test('a body passes a stream: without its length and digest, in chunks for HTTP/1.1', async (t) => {
  const w = await responding(t, (exchange) => t.ok(exchange.transformResponse(bracketing)));
  const { client, server } = await answered(w, get(), hello);
  const response = await client.message();
  t.equal(response.body, '<hello>');
  t.strictSame(
    ['transfer-encoding', 'content-length', 'content-digest'].map((name) => field(response, name)),
    ['chunked', undefined, undefined],
  );
  await server.closed();
  client.send(get());
  const next = await w.server.next();
  await next.head();
  next.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n');
  await client.take('4\r\n<he>\r\n');
  next.send('3\r\nllo\r\n0\r\n\r\n');
  await client.take('5\r\n<llo>\r\n0\r\n\r\n');
  await w.quiet();
  t.equal(w.records.at(-1)?.octets, '<he><llo>'.length);
});

t.test('a body for HTTP/1.0 that passes a stream ends with its connection', async (t) => {
  const w = await responding(t, (exchange) => exchange.transformResponse(bracketing));
  const { client } = await answered(w, get('1.0', 'Connection: keep-alive\r\n'), hello);
  const response = await client.message();
  t.match([field(response, 'connection'), field(response, 'transfer-encoding'), response.body], ['close', undefined, '<hello>']);
});

t.test('trailers follow a body that has passed a stream, for a client that accepts them', async (t) => {
  const w = await responding(t, (exchange) => exchange.transformResponse(bracketing));
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nContent-Digest: sha-256=:AA==:\r\n\r\n';
  const { client } = await answered(w, get('1.1', 'TE: trailers\r\nConnection: TE\r\n'), chunked);
  t.match(await client.message(), { body: '<hello>', trailers: 'X-Sum: 7\r\n' });
  const other = await answered(w, get(), chunked);
  t.match(await other.client.message(), { body: '<hello>', trailers: '' });
});

t.test('responses without a body stay as they are', async (t) => {
  const w = await responding(t, (exchange) => {
    t.equal(exchange.transformResponse(bracketing), false);
    t.equal(
      exchange.replaceResponse(100, () => Buffer.from('other')),
      false,
    );
  });
  const head = await answered(w, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  t.equal(field(await head.client.head(), 'content-length'), '5');
  for (const status of ['204 No Content', '304 Not Modified']) {
    const { client } = await answered(w, get(), `HTTP/1.1 ${status}\r\nETag: "1"\r\n\r\n`);
    t.equal(field(await client.head(), 'etag'), '"1"');
  }
});

t.test('what a server sends without a length leaves a compressing stream at once', async (t) => {
  const w = await responding(t, (exchange) => exchange.transformResponse(() => createGzip()));
  const { client, server } = await answered(w, get(), 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await client.head();
  const gunzip = createGunzip();
  let text = '';
  gunzip.on('data', (piece) => {
    text += piece;
  });
  const unpacked = () => {
    const piece = /^([0-9a-f]+)\r\n/.exec(client.text);
    const size = Number.parseInt(piece?.[1] ?? '0', 16);
    const start = piece?.[0].length ?? 0;
    if (size > 0 && client.text.length >= start + size + 2) {
      gunzip.write(Buffer.from(client.text.slice(start, start + size), 'latin1'));
      client.text = client.text.slice(start + size + 2);
    }
    return text;
  };
  await eventually(unpacked, (seen) => seen === 'hello');
  server.send('6\r\n world\r\n');
  await eventually(unpacked, (seen) => seen === 'hello world');
});

t.test('a body is read only as fast as a stream and its client take it', async (t) => {
  const w = await responding(t, (exchange) => exchange.transformResponse(() => new PassThrough()));
  const { client, server } = await answered(w, get(), `HTTP/1.1 200 OK\r\nContent-Length: ${32 * mebi}\r\n\r\n`);
  await client.head();
  client.socket.pause();
  let written = 0;
  const send = () => {
    while (written < 32 * mebi && server.socket.write(Buffer.alloc(mebi, 'x'))) written += mebi;
  };
  send();
  server.socket.on('drain', send);
  let before = -1;
  await eventually(
    () => server.socket.bytesWritten - server.socket.writableLength,
    (sent) => {
      const still = sent === before;
      before = sent;
      return still && sent > 0;
    },
    { everyMs: 100 },
  );
  t.ok(before < 24 * mebi, `the server can send only ${before} octets while the client reads nothing`);
  for (; written < 32 * mebi; written += mebi) server.socket.write(Buffer.alloc(mebi, 'x'));
  client.socket.removeAllListeners('data').on('data', () => {});
  client.socket.resume();
  await w.quiet();
  t.equal(w.records.at(-1)?.octets, 32 * mebi);
});

t.test('a response whose body breaks off breaks off behind a stream too, and a client that leaves ends the stream', async (t) => {
  const streams: BodyStream[] = [];
  const w = await responding(t, (exchange) =>
    exchange.transformResponse(() => {
      const stream = createGzip();
      streams.push(stream);
      return stream;
    }),
  );
  const cut = await answered(w, get(), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
  await cut.client.head();
  cut.server.end();
  t.equal(await cut.client.closed(), 'reset');
  const left = await answered(w, get(), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
  await left.client.head();
  left.client.reset();
  await left.server.closed();
  await w.quiet();
  t.strictSame(
    streams.map(({ destroyed }) => destroyed),
    [true, true],
  );
  t.match(w.records, [{ aborted: true }, { aborted: true }]);
  t.strictSame(w.faults, []);
});

t.test('a stream that fails is a bug, which ends its own exchange', async (t) => {
  const w = await responding(t, (exchange) =>
    exchange.transformResponse(() => new Transform({ transform: (_piece, _encoding, done) => done(new Error('a bug')) })),
  );
  const { client } = await answered(w, get(), hello);
  t.equal(await client.closed(), 'reset');
  t.match(w.faults, [{ error: { message: 'a bug' } }]);
});

t.test('a body is replaced once it is complete, with its length', async (t) => {
  const w = await responding(t, (exchange) => {
    exchange.replaceResponse(10, (body) => Buffer.from(`<${body}>`));
    exchange.response.headers.set('X-Edited', 'yes');
  });
  for (const version of ['1.0', '1.1']) {
    const fields = version === '1.0' ? 'Connection: keep-alive\r\n' : '';
    const { client, server } = await answered(
      w,
      get(version, fields),
      'HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n2\r\nhe\r\n',
    );
    await w.inFlight(1);
    server.send('3\r\nllo\r\n0\r\n\r\n');
    const response = await client.message();
    t.match([response.line, response.body], ['HTTP/1.1 200 Fine', '<hello>']);
    t.strictSame(
      ['content-length', 'x-a', 'x-edited', 'connection'].map((name) => field(response, name)),
      ['7', 'b', 'yes', version === '1.0' ? 'keep-alive' : undefined],
    );
  }
});

t.test('a body that cannot be replaced is answered with a failure', async (t) => {
  const w = await responding(t, (exchange) => exchange.replaceResponse(4, (body) => body));
  const large = await answered(w, get(), hello);
  const response = await large.client.message();
  t.match([statusOf(response), JSON.parse(response.body)], [502, { code: 'response-too-large' }]);
  const cut = await answered(w, get(), 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe');
  cut.server.end();
  t.equal(statusOf(await cut.client.message()), 502);
  t.match(
    w.records.map(({ status }) => status),
    [502, 502],
  );
});

t.test('several steps act in the order in which they were added, and observers see the body between them', async (t) => {
  const seen: string[] = [];
  const observer = (name: string): BodyObserver => ({
    data: (buffer, start, end) => seen.push(`${name} ${buffer.subarray(start, end)}`),
    ended: (complete) => seen.push(`${name} ${complete ? 'complete' : 'broken off'}`),
  });
  const w = await responding(t, (exchange) => {
    exchange.observeResponse(observer('first'));
    exchange.replaceResponse(100, (body) => Buffer.from(String(body).toUpperCase()));
    exchange.observeResponse(observer('second'));
    exchange.transformResponse(() => createGzip());
  });
  const { client } = await answered(w, get(), hello);
  const response = await client.message();
  t.equal(String(gunzipSync(Buffer.from(response.body, 'latin1'))), 'HELLO');
  t.strictSame(seen, ['first hello', 'first complete', 'second HELLO', 'second complete']);
});

t.test('an observer alone changes nothing, and hears how the body ended', async (t) => {
  const ends: boolean[] = [];
  let text = '';
  const observer = {
    data: (buffer: Buffer, start: number, end: number) => {
      text += buffer.subarray(start, end);
    },
    ended: (complete: boolean) => ends.push(complete),
  };
  const w = await responding(t, (exchange) => {
    exchange.observeResponse(observer);
    if (exchange.request.target === '/answered') exchange.respond(200, {}, 'here');
  });
  const whole = await answered(w, get(), hello);
  const response = await whole.client.message();
  t.match([field(response, 'content-length'), response.body], ['5', 'hello']);
  const cut = await answered(w, get(), 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
  await cut.client.take('he');
  cut.client.reset();
  await cut.server.closed();
  await w.quiet();
  const own = await answered(w, 'GET /answered HTTP/1.1\r\nHost: a\r\n\r\n', hello);
  t.equal((await own.client.message()).body, 'here');
  const none = await answered(w, get(), 'HTTP/1.1 304 Not Modified\r\n\r\n');
  await none.client.head();
  await w.quiet();
  t.strictSame(ends, [true, false, false, true]);
  t.equal(text, 'hellohe');
});

t.test('an answer in place of a response without body leaves the connection of the server open', async (t) => {
  const w = await responding(t, (exchange) => exchange.respond(200, { date: 'Sun, 06 Nov 1994 08:49:37 GMT' }, 'here'));
  const { client, server } = await w.asked(get());
  for (const status of ['304 Not Modified', '204 No Content']) {
    await server.head();
    server.send(`HTTP/1.1 ${status}\r\n\r\n`);
    const response = await client.message();
    t.match([statusOf(response), response.body, field(response, 'date')], [200, 'here', 'Sun, 06 Nov 1994 08:49:37 GMT']);
    client.send(get());
  }
  await server.head();
  server.send(hello);
  t.equal((await client.message()).body, 'here', 'nor does the body of another response reach the client');
  t.equal(w.server.count, 1);
});

t.test('a role can answer in place of a failure of its servers, and only of these', async (t) => {
  let route: Route | undefined;
  const handler = {
    request(exchange: Exchange) {
      exchange.fallback = ({ code }) => {
        exchange.respond(200, { 'x-failure': code }, 'here');
        return true;
      };
      exchange.forward(route as Route);
    },
  };
  const w = await world(t, { handler, spec: { limits: { bodyBytes: 10 } } });
  route = w.route;
  const { client, server } = await w.asked(get());
  await server.head();
  server.send('what?\r\n\r\n');
  const response = await client.message();
  t.match([statusOf(response), field(response, 'x-failure')], [200, 'bad-response']);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n');
  t.equal(statusOf(await client.message()), 413);
});
