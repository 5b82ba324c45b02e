import t from 'tap';
import { eventually } from '../tools/eventually.ts';
import { statusOf } from './peer.ts';
import { world } from './world.ts';

const mebi = 1024 * 1024;
const post = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
const tooLarge = 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig';

t.test('a server answers before the upload has ended, and resets the connection: its answer reaches the client', async (t) => {
  for (let run = 0; run < 10; run++) {
    const w = await world(t);
    const { client, server } = await w.asked(post(64 * mebi));
    await server.head();
    client.send(Buffer.alloc(4 * mebi, 'x'));
    await server.until('a part of the body', () => (server.text.length > 0 ? true : undefined));
    server.socket.pause();
    await server.sent(tooLarge);
    server.socket.resetAndDestroy();
    client.send(Buffer.alloc(4 * mebi, 'x'));
    t.equal(statusOf(await client.message()), 413);
    t.match(w.outcomes, [{ kind: 'answered', status: 413 }]);
  }
});

t.test('an answer made here reaches a client that reads nothing before its whole body is sent', async (t) => {
  const w = await world(t, { spec: { limits: { bodyBytes: 1024 } } });
  const client = await w.client();
  client.socket.pause();
  client.send(post(64 * mebi));
  await eventually(
    () => w.records.length,
    (count) => count === 1,
  );
  await client.sent(Buffer.alloc(64 * mebi, 'x'));
  client.socket.resume();
  t.equal(statusOf(await client.message()), 413);
  client.end();
  t.equal(await client.closed(), 'fin');
});
