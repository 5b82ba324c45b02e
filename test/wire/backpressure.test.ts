import t from 'tap';
import { memoryInUse } from '../tools/memory.ts';
import { passTime, passTimeUntil } from '../tools/pass-time.ts';
import { statusOf } from './peer.ts';
import { world } from './world.ts';

/** Octets in buffers that are still referenced. */
async function held(): Promise<number> {
  return (await memoryInUse()).arrayBuffers;
}

const mebi = 1024 * 1024;
const size = 100 * mebi;

/** Limit of the memory that one transfer may hold: one read, its framing, and the stream's own buffer. */
const maxHeld = 2 * mebi;

/** Writes `count` octets, as fast as the socket takes them; `left` is the number not written yet. */
function pour(socket: import('node:net').Socket, count: number): { readonly left: number } {
  const piece = Buffer.alloc(mebi, 'x');
  const state = { left: count };
  const write = () => {
    while (state.left > 0) {
      const length = Math.min(piece.length, state.left);
      state.left -= length;
      if (!socket.write(piece.subarray(0, length))) {
        socket.once('drain', write);
        return;
      }
    }
  };
  write();
  return state;
}

/** Lets the event loop turn until `stable` returns the same number for 3,000 turns. */
async function settled(stable: () => number): Promise<number> {
  let last = stable();
  for (let same = 0; same < 3000; same++) {
    await new Promise(setImmediate);
    if (stable() === last) continue;
    last = stable();
    same = 0;
  }
  return last;
}

t.test('a client that does not read stops the server, in bounded memory', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await server.message();
  client.socket.pause();
  const before = await held();
  server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  const poured = pour(server.socket, size);
  const left = await settled(() => poured.left);
  t.ok(left > size / 2, `the server could not send ${left >> 20} MiB`);
  const grown = (await held()) - before;
  t.ok(grown < maxHeld + 2 * mebi, `${grown} octets of buffers more, the server's own included`);
  client.socket.removeAllListeners('data');
  let got = 0;
  await new Promise<void>((resolve) => {
    client.socket.on('data', (octets) => {
      got += octets.length;
      if (got >= size) resolve();
    });
    client.socket.resume();
  });
  await w.quiet();
  t.equal(w.upstream.pool.idle, 1);
  t.equal(w.records[0]?.octets, size);
});

t.test('a server that does not read stops the client, in bounded memory', async (t) => {
  const w = await world(t);
  const client = await w.client();
  client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  const server = await w.server.next();
  await server.head();
  server.socket.pause();
  const before = await held();
  const poured = pour(client.socket, size);
  const left = await settled(() => poured.left);
  t.ok(left > size / 2, `the client could not send ${left >> 20} MiB`);
  const grown = (await held()) - before;
  t.ok(grown < maxHeld + 2 * mebi, `${grown} octets of buffers more, the client's own included`);
  server.socket.removeAllListeners('data');
  let got = server.text.length;
  await new Promise<void>((resolve) => {
    server.socket.on('data', (octets) => {
      got += octets.length;
      if (got >= size) resolve();
    });
    server.socket.resume();
  });
  server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  t.equal(statusOf(await client.message()), 200);
});

t.test('a client that sends requests and reads no responses is stopped', async (t) => {
  let requests = 0;
  const w = await world(t, {
    handler: {
      request(exchange) {
        requests++;
        exchange.respond(200, {}, Buffer.alloc(10_000, 'x'));
      },
    },
  });
  const client = await w.client();
  client.socket.pause();
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const all = 20_000;
  const before = await held();
  client.send(request.repeat(all));
  const answered = await settled(() => requests);
  t.ok(answered < all / 2, `${answered} were answered`);
  const grown = (await held()) - before;
  t.ok(grown < maxHeld + request.length * all * 2, `${grown} octets of buffers more`);
  client.socket.removeAllListeners('data');
  // The requests are processed once the client reads.
  await new Promise<void>((resolve) => {
    client.socket.on('data', () => {
      if (requests === all) resolve();
    });
    client.socket.resume();
  });
});

t.test('a client that never reads again is disconnected', async (t) => {
  const w = await world(t, { spec: { timeouts: { clientIdle: '20s', responseHead: 0 } } });
  const { client, server } = await w.asked('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await server.message();
  client.socket.pause();
  server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  pour(server.socket, size);
  await passTimeUntil(server.closed(), 20_000);
  await w.quiet();
  t.equal(w.records[0]?.aborted, true);
});

t.test('a slow reader gets the whole of a last response', async (t) => {
  const w = await world(t, { handler: { request: (exchange) => exchange.respond(200, {}, Buffer.alloc(8 * mebi, 'x')) } });
  const client = await w.client();
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await w.client();
  // Waits for longer than a closing connection lingers after everything was sent.
  await passTime(2300);
  let got = 0;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (octets) => {
    got += octets.length;
  });
  client.socket.resume();
  await client.until('the end', () => (client.ended ? true : undefined));
  t.ok(got > 8 * mebi);
});
