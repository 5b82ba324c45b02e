import { once } from 'node:events';
import net from 'node:net';
import { type Test, test } from 'tap';
import { takeConnections } from '../../src/http1/connection/accepted.ts';
import { Outbox } from '../../src/http1/connection/outbox.ts';
import { readSize } from '../../src/http1/connection/read-buffers.ts';
import type { Receiver, SocketWire, Wire } from '../../src/http1/connection/wire.ts';
import { accept, connect, release, reset } from '../../src/http1/connection/wire-socket.ts';
import { octetsToSend, scannedOctets } from '../../src/http1/message/field-scanner.ts';
import type { SecureSocket } from '../../src/tls/secured-connection.ts';
import { eventually } from '../tools/eventually.ts';

class TestReceiver implements Receiver {
  closedWith: Promise<Error | undefined>;
  drainedOnce: Promise<void>;
  #closed!: (error: Error | undefined) => void;
  #drained!: () => void;

  constructor() {
    this.closedWith = new Promise((resolve) => {
      this.#closed = resolve;
    });
    this.drainedOnce = new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  octets(): void {}
  eof(): void {}
  drained(): void {
    this.#drained();
  }
  closed(error: Error | undefined): void {
    this.#closed(error);
  }
  crashed(error: unknown): void {
    throw error;
  }
}

/** A wire, and the socket at its other end, which does not read yet. */
interface Pair<Kind extends Wire = Wire> {
  readonly wire: Kind;
  readonly receiver: TestReceiver;
  readonly peer: net.Socket;
}

/** A pair whose wire is a socket, as after a header of the PROXY protocol. */
async function pair(t: Test): Promise<Pair<SocketWire>> {
  return (await open(t, async (server) => (await once(server, 'connection'))[0] as net.Socket)) as Pair<SocketWire>;
}

/** A pair whose wire has no socket, as most of those that are accepted. */
function pairWithoutSocket(t: Test): Promise<Pair> {
  return open(t, (server) => new Promise((resolve) => takeConnections(server, (accepted) => [resolve(accepted.plain())].length > 0)));
}

async function open(t: Test, take: (server: net.Server) => Promise<SecureSocket>): Promise<Pair> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken = take(server);
  const peer = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1').pause();
  peer.on('error', () => {});
  const receiver = new TestReceiver();
  const wire = accept(await taken, receiver);
  wire.resume();
  t.teardown(() => {
    wire.destroy();
    peer.destroy();
    server.close();
  });
  return { wire, receiver, peer };
}

/** Reads until `octets` have come, or the end. */
async function read(peer: net.Socket, octets = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let got = 0;
  return new Promise((resolve) => {
    peer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      got += chunk.length;
      if (got >= octets) resolve(Buffer.concat(chunks));
    });
    peer.on('end', () => resolve(Buffer.concat(chunks)));
    peer.resume();
  });
}

/** Octets that depend on their position, so that a lost, doubled or overwritten one is noticed. */
function pattern(length: number, seed: number): Buffer {
  const octets = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) octets[at] = (at * 31 + (at >> 8) + seed) & 0xff;
  return octets;
}

test('what is written in one turn leaves after it, to each wire in order', async (t) => {
  const outbox = new Outbox();
  const [one, other] = [await pair(t), await pair(t)];
  outbox.to(one.wire).text('a1 ');
  outbox.to(other.wire).text('b1 ');
  outbox.to(one.wire).text('a2 ');
  outbox.to(one.wire).text('a3 ');
  outbox.to(other.wire).text('b2 ');
  outbox.flushIfPlenty();
  t.equal(one.wire.bytesWritten + other.wire.bytesWritten, 0, 'nothing leaves before the turn ends');
  t.equal((await read(one.peer, 9)).toString(), 'a1 a2 a3 ');
  t.equal((await read(other.peer, 6)).toString(), 'b1 b2 ');
});

test('a large message leaves before the turn ends, with everything written before it', async (t) => {
  const outbox = new Outbox();
  const [one, other] = [await pair(t), await pair(t)];
  const body = pattern(40_000, 1);
  outbox.to(one.wire).text('little ');
  outbox.to(other.wire).octets(body, 0, body.length);
  t.equal(one.wire.bytesWritten + other.wire.bytesWritten, 0);
  outbox.flushIfPlenty();
  t.equal(other.wire.bytesWritten, body.length);
  t.equal((await read(one.peer, 7)).toString(), 'little ');
  t.ok(body.equals(await read(other.peer, body.length)));
});

test('messages larger than the outbox arrive whole', async (t) => {
  const outbox = new Outbox();
  const { wire, peer } = await pair(t);
  const body = pattern(3 * readSize + 17, 1);
  outbox.to(wire).text('head ');
  outbox.octets(body, 0, body.length);
  outbox.text(' tail');
  outbox.flush();
  t.ok(Buffer.concat([Buffer.from('head '), body, Buffer.from(' tail')]).equals(await read(peer, body.length + 10)));
});

test('a peer that reads slowly gets every octet once, in order, while others get theirs', async (t) => {
  const outbox = new Outbox();
  const [slow, quick] = [await pair(t), await pair(t)];
  const sent: Buffer[] = [];
  for (let round = 0; !slow.wire.writableNeedDrain || round < 64; round++) {
    const piece = pattern(100_000, round);
    sent.push(piece);
    outbox.to(slow.wire).octets(piece, 0, piece.length);
    outbox.to(quick.wire).text(`${round} `);
    outbox.flush();
  }
  t.ok(slow.wire.writableLength > 0, `${slow.wire.writableLength} octets wait`);
  const expected = Buffer.concat(sent);
  const got = await read(slow.peer, expected.length);
  t.ok(got.equals(expected), 'nothing was overwritten while it waited');
  await slow.receiver.drainedOnce;
  const words = sent.map((_, round) => `${round} `).join('');
  t.equal((await read(quick.peer, words.length)).toString(), words);
});

/** A wire that keeps what it is sent, as a socket does whose peer does not read, if `keeps`. `letGo` ends the oldest of its writes. */
function fakeWire(keeps: boolean): { wire: Wire; sent: Buffer[]; letGo: () => void } {
  const sent: Buffer[] = [];
  const kept: ((() => void) | undefined)[] = [];
  const send = (octets: Buffer, letGo?: () => void) => {
    sent.push(octets);
    if (keeps) kept.push(letGo);
    return keeps;
  };
  return { wire: { send } as Partial<Wire> as Wire, sent, letGo: () => kept.shift()?.() };
}

/** Says whether what an outbox writes next is in the given memory. */
async function writesTo(outbox: Outbox, memory: Buffer): Promise<boolean> {
  await new Promise(setImmediate);
  const { wire, sent } = fakeWire(false);
  outbox.to(wire).text('more');
  outbox.flush();
  return sent[0]?.buffer === memory.buffer;
}

test('memory that wires keep is not written to until the last of them lets go, and then used again at once', async (t) => {
  const first = Buffer.alloc(2 * readSize);
  const outbox = new Outbox(first);
  t.ok(await writesTo(outbox, first));
  const [one, other] = [fakeWire(true), fakeWire(true)];
  outbox.to(one.wire).text('kept by one');
  outbox.to(other.wire).text('kept by another');
  outbox.flush();
  for (let turn = 0; turn < 3; turn++) t.notOk(await writesTo(outbox, first));
  outbox.to(one.wire).text('kept in other memory');
  outbox.flush();
  other.letGo();
  t.notOk(await writesTo(outbox, first), 'one still keeps octets');
  t.equal(one.sent[0]?.toString(), 'kept by one');
  one.letGo();
  t.ok(await writesTo(outbox, first));
  one.letGo();
  t.ok(await writesTo(outbox, first), 'the end of a write from other memory changes nothing');
});

/** Writes for a peer that does not read, until the kernel has not taken all. */
function fill(outbox: Outbox, wire: Wire): void {
  const piece = pattern(readSize, 7);
  while (wire.writableLength === 0) {
    outbox.to(wire).octets(piece, 0, piece.length);
    outbox.flush();
  }
}

for (const [end, over] of [
  ['the peer reads', ({ peer }) => peer.resume()],
  ['the peer closes', ({ peer }) => peer.destroy()],
  ['the peer resets', ({ peer }) => peer.resetAndDestroy()],
  ['the wire is destroyed', ({ wire }) => wire.destroy()],
  ['the wire is reset', ({ wire }) => reset(wire)],
  ['the wire is given away and the peer reads', ({ wire, peer }) => [release(wire), peer.resume()]],
  ['the wire is given away and destroyed', ({ wire }) => release(wire).destroy()],
] as [string, (pair: Pair) => unknown][]) {
  for (const [kind, openPair] of Object.entries({ 'a socket': pair, 'no socket': pairWithoutSocket })) {
    test(`memory is used again after a write that had to wait, on a wire that is ${kind}: ${end}`, async (t) => {
      const first = Buffer.alloc(2 * readSize);
      const outbox = new Outbox(first);
      const both = await openPair(t);
      fill(outbox, both.wire);
      t.notOk(await writesTo(outbox, first));
      over(both);
      await eventually(
        () => writesTo(outbox, first),
        (is) => is,
      );
    });
  }
}

test('octets that were read are copied as others are, however many', { skip: octetsToSend === undefined && 'no vectors here' }, (t) => {
  const outbox = new Outbox(octetsToSend);
  const { wire, sent } = fakeWire(false);
  const read = scannedOctets as Buffer;
  read.set(pattern(read.length, 5));
  for (const length of [1, 39, 40, 41, 1000, 40_000, read.length]) {
    const start = read.length - length;
    outbox.to(wire).text('before ');
    outbox.octets(read, start, read.length);
    outbox.text(' after');
    outbox.flush();
    const expected = Buffer.concat([Buffer.from('before '), read.subarray(start), Buffer.from(' after')]);
    t.ok(sent.pop()?.equals(expected), `${length} octets`);
  }
  t.end();
});

test('the FIN comes after the octets that wait', async (t) => {
  const outbox = new Outbox();
  const { wire, peer } = await pair(t);
  const body = pattern(16 * 1024 * 1024, 3);
  outbox.to(wire).octets(body, 0, body.length);
  outbox.flush();
  t.ok(wire.writableLength > 0);
  wire.end();
  t.ok(body.equals(await read(peer)));
});

test('a wire that is ended or closed takes nothing, and others are not affected', async (t) => {
  const outbox = new Outbox();
  const [ended, gone, alive] = [await pair(t), await pair(t), await pair(t)];
  for (const { wire } of [ended, gone, alive]) outbox.to(wire).text('late');
  ended.wire.end();
  reset(gone.wire);
  t.equal((await read(alive.peer, 4)).toString(), 'late');
  t.equal((await read(ended.peer)).toString(), '');
  t.equal(await gone.receiver.closedWith, undefined);
});

test('a write that fails closes the wire and says why', async (t) => {
  const { wire, receiver, peer } = await pair(t);
  wire.pause();
  peer.resetAndDestroy();
  await once(peer, 'close');
  // The reset has arrived and is not read yet, so the write is the first call that fails.
  wire.send(Buffer.from('x'));
  wire.send(Buffer.from('y'));
  const error = (await receiver.closedWith) as NodeJS.ErrnoException | undefined;
  t.match(error?.code, /^(ECONNRESET|EPIPE)$/);
  t.match(error?.syscall, /^write$/);
});

test('octets sent before the connection is established arrive', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver = new TestReceiver();
  const wire = connect({ host: '127.0.0.1', port: (server.address() as net.AddressInfo).port, secure: undefined }, receiver, 0, () => {});
  wire.send(Buffer.from('early'));
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  t.teardown(() => {
    wire.destroy();
    server.close();
  });
  t.equal((await read(peer, 5)).toString(), 'early');
});
