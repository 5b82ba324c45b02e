import { createServer, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import type { ClientConnection } from '../../src/http1/connection/client-connection.ts';
import { ConnectionPool } from '../../src/http1/connection/connection-pool.ts';
import { Deadlines } from '../../src/http1/connection/deadlines.ts';
import type { ResponseSink } from '../../src/http1/connection/response-sink.ts';
import { LinkPool } from '../../src/link/link-pool.ts';
import { linkAnswer } from '../../src/link/opening.ts';
import { identityField } from '../../src/model/server-identity.ts';
import { introductionTo } from '../../src/proxy/server-introduction.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { listening } from '../tools/listening.ts';
import { frame } from './ends.ts';

const identity = 'gw; instance=1; environment=e';

/** A pool, and a server that agrees to links and then says only what a test makes it say. */
async function pair(t: Test) {
  const links: Socket[] = [];
  const agrees = { now: true };
  const address = await listening(
    t,
    createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        if (!agrees.now) return;
        links.push(socket);
        socket.write(linkAnswer(`${identityField}: ${identity}\r\n`));
      });
    }),
  );
  const clock = new FakeClock();
  const destination = { host: '127.0.0.1', port: Number(address.split(':')[1]), secure: undefined };
  const base = new ConnectionPool(destination, new Deadlines(clock), { idleMs: 60_000, ageMs: 0 });
  base.introduction = introductionTo(identity, address);
  const pool = new LinkPool(base, (reason) => t.fail(reason));
  t.teardown(() => {
    pool.retire();
    for (const socket of links) socket.destroy();
  });
  const opened = async (count: number) => {
    await eventually(
      () => ({ links: links.length, open: pool.open }),
      (seen) => seen.links === count && seen.open === 1,
      { what: `link ${count} to be open` },
    );
  };
  t.equal(pool.take(), undefined, 'the first request finds no link, and has one opened');
  await opened(1);
  return { pool, clock, links, agrees, opened };
}

/** An exchange on a connection, and how it failed. */
function exchange(connection: ClientConnection | undefined): string[] {
  const failed: string[] = [];
  const sink = { silenceMs: 0, headBytes: 1000, protocols: '', head() {}, turnEnd() {}, failed: (kind: string) => void failed.push(kind) };
  connection?.begin(sink as unknown as ResponseSink, { method: 'GET', expectContinue: false }, true);
  connection?.wire.send(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  return failed;
}

/** Resolves when the other end of a link has answered a ping, and so has heard of this end. */
async function answered(socket: Socket): Promise<void> {
  const pong = frame('pong', 0);
  const answer = new Promise<void>((resolve) => {
    let said = Buffer.alloc(0);
    const listen = (octets: Buffer) => {
      said = Buffer.concat([said, octets]);
      if (!said.subarray(-pong.length).equals(pong)) return;
      socket.off('data', listen);
      resolve();
    };
    socket.on('data', listen);
  });
  socket.write(frame('ping', 0));
  await answer;
}

test('a link whose connection is dead is replaced, and what waits on it is told as soon as the next link has proved that the server lives', async (t) => {
  const { pool, clock, links, opened } = await pair(t);
  const failed = exchange(pool.take());
  await clock.pass(10_500);
  await opened(2);
  t.same(failed, [], 'the server may only have stood still');
  await clock.pass(5000);
  await answered(links[1] as Socket);
  await clock.pass(6000);
  t.same(failed, ['reset']);
  t.equal(pool.open, 1, 'the other link stays');
});

test('a link on which the server gives a sign of life again keeps what waits on it', async (t) => {
  const { pool, clock, links, opened } = await pair(t);
  const failed = exchange(pool.take());
  await clock.pass(10_500);
  await opened(2);
  for (let time = 0; time < 10; time++) {
    for (const socket of links) await answered(socket);
    await clock.pass(4000);
  }
  t.same(failed, []);
  t.equal(pool.open, 1);
});

test('a server that opens no other link may only stand still: what waits for it does so until the silence is too long', async (t) => {
  const { pool, clock, links, agrees } = await pair(t);
  const failed = exchange(pool.take());
  agrees.now = false;
  await clock.pass(50_000);
  t.same(failed, []);
  t.equal(links.length, 1);
  await clock.pass(16_000);
  t.same(failed, ['reset']);
});

test('what is lost with a link finds no idle stream of that link', async (t) => {
  const { pool, links } = await pair(t);
  const found: unknown[] = [];
  const ended: unknown[] = [];
  const sink = {
    ...{ silenceMs: 0, headBytes: 1000, protocols: '', head() {}, turnEnd() {} },
    failed: () => void found.push(pool.take()),
    responseEnd: () => void ended.push(true),
  } as unknown as ResponseSink;
  for (const connection of [pool.take(), pool.take()]) connection?.begin(sink, { method: 'GET', expectContinue: false }, true);
  links[0]?.write(frame('data', 2, Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')));
  await eventually(
    () => ended.length,
    (count) => count === 1,
    { what: 'the second exchange to end' },
  );
  links[0]?.destroy();
  await eventually(
    () => found.length,
    (count) => count === 1,
    { what: 'the first exchange to be told' },
  );
  t.same(found, [undefined]);
});
