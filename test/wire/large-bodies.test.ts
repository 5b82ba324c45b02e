import type net from 'node:net';
import t from 'tap';
import { largeReadSize, readBuffers } from '../../src/http1/connection/read-buffers.ts';
import { eventually } from '../tools/eventually.ts';
import type { Peer } from './peer.ts';
import { world } from './world.ts';

const mebi = 1024 * 1024;
/** More than the kernel buffers for a connection that is not read. */
const size = 16 * mebi;
/** More transfers than can have a large buffer at a time. */
const transfers = 40;

/**
 * Octets that depend on their position, so that a lost, doubled or overwritten one is noticed. Each transfer begins at another position.
 */
const octets = Buffer.allocUnsafe(size + transfers);
for (let at = 0; at < octets.length; at++) octets[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff;
const bodyOf = (transfer: number) => octets.subarray(transfer, transfer + size);

/** Reads the rest of a body that has begun with `first`. Resolves with the position of the first wrong octet, or -1. */
function check(socket: net.Socket, body: Buffer, first: Buffer): Promise<number> {
  socket.removeAllListeners('data');
  let got = 0;
  return new Promise((resolve) => {
    const take = (piece: Buffer) => {
      if (!piece.equals(body.subarray(got, got + piece.length))) resolve(got);
      got += piece.length;
      if (got >= body.length) resolve(got === body.length ? -1 : got);
    };
    take(first);
    socket.on('data', take);
    socket.resume();
  });
}

/** Waits until no socket has a large read buffer. */
function allGivenBack(): Promise<unknown> {
  return eventually(
    () => readBuffers.taken,
    (taken) => taken === 0,
    { what: 'all large read buffers to be given back' },
  );
}

for (const direction of ['down', 'up'] as const) {
  t.test(`large bodies on their way ${direction} arrive unchanged, at quick and at slow readers`, async (t) => {
    const w = await world(t);
    const down = direction === 'down';
    const ends = [];
    for (let index = 0; index < transfers; index++) {
      const client = await w.client();
      client.send(down ? 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' : `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
      const server = await w.server.next();
      await server.head();
      if (down) {
        server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        await client.head();
      }
      ends.push({ client, server, from: down ? server : client, to: down ? client : server });
    }
    for (const { to } of ends) to.socket.pause();
    const read = ({ to }: { to: Peer }, transfer: number) => check(to.socket, bodyOf(transfer), Buffer.from(to.text, 'latin1'));
    const slow = ends.slice(0, transfers / 2);
    const quick = ends.slice(transfers / 2);
    for (const [transfer, { from }] of ends.entries()) from.socket.write(bodyOf(transfer));
    t.same(
      await Promise.all(quick.map((end, index) => read(end, slow.length + index))),
      quick.map(() => -1),
    );
    t.same(
      await Promise.all(slow.map((end, index) => read(end, index))),
      slow.map(() => -1),
    );
    if (!down) for (const { server } of ends) server.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await w.quiet();
    for (const { client, server } of ends) {
      client.socket.destroy();
      server.socket.destroy();
    }
    await allGivenBack();
  });
}

t.test('a socket gives its large read buffer back when it closes', async (t) => {
  const w = await world(t);
  const { client, server } = await w.asked('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await server.message();
  server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${4 * largeReadSize}\r\n\r\n`);
  await client.head();
  server.socket.write(Buffer.alloc(3 * largeReadSize));
  server.socket.resetAndDestroy();
  await client.closed();
  await w.quiet();
  await allGivenBack();
});
