import net from 'node:net';
import t from 'tap';
import { field, statusOf } from '../wire/peer.ts';
import { world } from '../wire/world.ts';

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine';
/** Longer than a test may take: a test that waits for its end fails. */
const graceMs = 60_000;

/** A client with an idle, kept-alive connection, and the server's end of the connection that its request went over. */
async function idle(w: Awaited<ReturnType<typeof world>>) {
  const pair = await w.asked(get);
  await pair.server.take('\r\n\r\n');
  pair.server.send(answer);
  await pair.client.message();
  await w.quiet();
  return pair;
}

t.test('a request that arrives while the listener closes is answered, with Connection: close', async (t) => {
  const w = await world(t);
  const { client, server } = await idle(w);
  const closed = w.listener.close(graceMs);
  client.send(get);
  await server.take('\r\n\r\n');
  server.send(answer);
  const last = await client.message();
  t.equal(statusOf(last), 200);
  t.equal(field(last, 'connection'), 'close');
  t.equal(await client.closed(), 'fin');
  client.end();
  await closed;
});

t.test('a closing listener closes idle connections and accepts no new ones', async (t) => {
  const w = await world(t);
  const { client } = await idle(w);
  const silent = await w.client();
  const port = Number(w.listener.address.split(':').at(-1));
  const closed = w.listener.close(graceMs);
  const late = net.connect(port, '127.0.0.1');
  t.equal(
    await new Promise((resolve) => late.once('connect', () => resolve('connected')).once('error', () => resolve('refused'))),
    'refused',
  );
  t.equal(await client.closed(), 'fin');
  t.equal(await silent.closed(), 'fin', 'a connection that never sent a request is closed too');
  for (const each of [client, silent]) each.end();
  await closed;
});

t.test('without grace, idle connections are closed at once', async (t) => {
  const w = await world(t);
  const { client } = await idle(w);
  await w.listener.close(0);
  await client.closed();
});
