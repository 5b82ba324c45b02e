import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import t, { type Test } from 'tap';
import { takeConnections } from '../../src/http1/connection/accepted.ts';
import { outbox } from '../../src/http1/connection/outbox.ts';
import { largeReadSize, readBuffers, readSize } from '../../src/http1/connection/read-buffers.ts';
import { mustDrain, type Receiver, type SocketWire, type Wire } from '../../src/http1/connection/wire.ts';
import { accept, connect, release } from '../../src/http1/connection/wire-socket.ts';
import type { SecureSocket } from '../../src/tls/secured-connection.ts';
import { TlsConnector } from '../../src/tls/tls-connector.ts';
import { CertificateFolder } from '../tools/certificate-folder.ts';
import { eventually } from '../tools/eventually.ts';

const mebi = 1024 * 1024;
const versions = ['TLSv1.3', 'TLSv1.2'] as const;
let context: tls.SecureContextOptions;
let ca: string;

t.before(() => {
  const folder = new CertificateFolder(t);
  const { certificate, key } = folder.issue({ names: ['127.0.0.1'] });
  context = { cert: readFileSync(certificate), key: readFileSync(key) };
  ca = readFileSync(folder.root.certificate, 'utf8');
});

class Collecting implements Receiver {
  heard = '';
  ends = 0;
  drains = 0;
  closes: (Error | undefined)[] = [];
  readonly buffers = new Set<Buffer>();
  octets(buffer: Buffer, start: number, end: number): void {
    this.buffers.add(buffer);
    this.heard += buffer.toString('latin1', start, end);
  }
  eof(): void {
    this.ends++;
  }
  drained(): void {
    this.drains++;
  }
  closed(error: Error | undefined): void {
    this.closes.push(error);
  }
  crashed(error: unknown): void {
    throw error;
  }
}

/** Makes of the wires that servers accept: a TLSSocket, or internal handles alone. */
const makes = ['TLSSocket', 'handles'] as const;

/** Two wires that are joined by TLS. */
async function pair(t: Test, make: (typeof makes)[number] = 'TLSSocket', version: (typeof versions)[number] = 'TLSv1.3') {
  const secured = { ...context, maxVersion: version };
  const server = (make === 'TLSSocket' ? tls.createServer({ ...secured, allowHalfOpen: true }) : net.createServer()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const [atClient, atServer] = [new Collecting(), new Collecting()];
  const secure = new TlsConnector({ ca, verify: true });
  const connected = new Promise<SocketWire>((resolve) => {
    const wire = connect({ host: '127.0.0.1', port, secure }, atClient, 0, () => resolve(wire));
  });
  const accepted = accept(await (make === 'TLSSocket' ? secureConnection(server) : securedDirectly(server, secured)), atServer);
  const opened = await connected;
  t.teardown(() => {
    for (const wire of [accepted, opened]) wire.destroy();
    server.close();
  });
  return { opened, accepted, atClient, atServer };
}

async function secureConnection(server: net.Server): Promise<tls.TLSSocket> {
  return (await once(server, 'secureConnection'))[0];
}

/** Makes the handshake of a server's next connection without a socket. */
function securedDirectly(server: net.Server, options: tls.SecureContextOptions): Promise<SecureSocket> {
  return new Promise((resolve, reject) => {
    takeConnections(server, (connection) => {
      const begin = (octets: Buffer) => {
        const outcome = { secured: resolve, failed: reject, left: () => reject(new Error('the client left')) };
        return connection.secure(tls.createSecureContext(options), Buffer.from('\x08http/1.1'), Buffer.from(octets), outcome);
      };
      connection.readFirst(begin, () => reject(new Error('the client left')));
      return true;
    });
  });
}

const seen = (t: Test, what: string, look: () => boolean) =>
  t.resolves(
    eventually(look, (found) => found, { what }),
    what,
  );

for (const version of versions) {
  t.test(`${version}: octets pass without the streams, at both ends`, async (t) => {
    const { opened, accepted, atClient, atServer } = await pair(t, 'TLSSocket', version);
    for (const wire of [opened, accepted as SocketWire]) {
      wire.write = () => t.fail('the stream was written to');
      wire.push = () => t.fail('the stream was read into');
    }
    t.notOk(opened.send(Buffer.from('from the client')), 'the memory may be reused');
    t.notOk(accepted.send(Buffer.from('from the server')));
    t.equal(opened.writableLength + accepted.writableLength, 0);
    await seen(t, 'both hear', () => atServer.heard.length === 15 && atClient.heard.length === 15);
    t.same([atServer.heard, atClient.heard], ['from the client', 'from the server']);
    for (const { buffers } of [atServer, atClient]) t.same([...buffers], [readBuffers.shared]);
  });
}

t.test('writes that come while another one is in progress follow in their order, and the wire ends after them', async (t) => {
  const { opened, accepted, atServer } = await pair(t);
  const memory = Buffer.alloc(20);
  let expected = '';
  for (let round = 0; round < 40; round++) {
    const length = memory.write(`piece ${round} `.repeat(2).slice(0, 20), 'latin1');
    expected += memory.toString('latin1', 0, length);
    if (opened.send(memory.subarray(0, length))) t.fail(`round ${round}: the memory may be reused`);
  }
  opened.write('');
  opened.end('the last');
  await seen(t, 'the end', () => atServer.ends === 1);
  t.equal(atServer.heard, `${expected}the last`);
  t.equal(accepted.cut, undefined);
  accepted.end();
  await seen(t, 'both closed', () => accepted.destroyed && opened.destroyed);
});

t.test('handles: writes that come while another one is in progress follow in their order, and the wire ends after them', async (t) => {
  const { opened, accepted, atClient } = await pair(t, 'handles');
  const memory = Buffer.alloc(20);
  let expected = '';
  for (let round = 0; round < 40; round++) {
    const piece = `piece ${round} `;
    expected += piece;
    if (accepted.send(memory.subarray(0, memory.write(piece)))) t.fail(`round ${round}: the memory may be reused`);
  }
  accepted.whenSent(() => accepted.end());
  await seen(t, 'the end', () => atClient.ends === 1);
  t.equal(atClient.heard, expected);
  t.equal(opened.cut, false, 'with close_notify');
  t.notOk(accepted.send(Buffer.from('too late')));
  accepted.destroySoon();
  opened.end();
  await seen(t, 'both closed', () => accepted.destroyed && opened.destroyed);
});

t.test('handles: a wire that is released while its writes wait is a stream that goes on after them', async (t) => {
  const { accepted, atClient } = await pair(t, 'handles');
  for (const piece of ['one ', 'two ', 'three ']) accepted.send(Buffer.from(piece));
  release(accepted).write('four ', () => {});
  await seen(t, 'everything', () => atClient.heard === 'one two three four ');
});

for (const make of makes) {
  t.test(`${make}: a slow reader makes the sender wait, and gets everything`, async (t) => {
    const { opened, accepted, atClient, atServer } = await pair(t, make);
    opened.pause();
    const octets = Buffer.alloc(8 * mebi, 'abcdefghijklmnopqrstuvwxyz');
    const before = Buffer.from(octets);
    t.notOk(accepted.send(octets), 'TLS has its own copy');
    octets.fill(0);
    t.ok(accepted.writableNeedDrain);
    t.notOk(accepted.send(Buffer.from('the end')), 'what waits is copied');
    t.equal(atServer.drains, 0);
    opened.resume();
    await seen(t, 'everything', () => atClient.heard.length === before.length + 7);
    t.ok(atClient.heard === `${before.toString('latin1')}the end`, 'whole and in order');
    await seen(t, 'the drain', () => atServer.drains > 0);
    t.equal(accepted.writableLength, 0);
  });
}

for (const make of makes) {
  t.test(`${make}: what comes while a wire is paused waits, in order`, async (t) => {
    const { opened, accepted, atServer } = await pair(t, make);
    const { octets } = atServer;
    atServer.octets = (buffer, start, end) => {
      octets.call(atServer, buffer, start, end);
      accepted.pause();
      setImmediate(() => accepted.resume());
    };
    let expected = '';
    for (let round = 0; round < 300; round++) {
      const piece = `piece ${round};`.padEnd(1000, 'x');
      expected += piece;
      opened.send(Buffer.from(piece));
    }
    opened.end();
    await seen(t, 'the end', () => atServer.ends === 1);
    t.ok(atServer.heard === expected);
  });
}

for (const make of makes) {
  t.test(`${make}: a released wire is an ordinary stream`, async (t) => {
    const { opened, accepted, atServer } = await pair(t, make);
    accepted.send(Buffer.from('101'));
    const stream = release(accepted);
    opened.send(Buffer.from('for the stream'));
    const [piece] = await once(stream.resume(), 'data');
    t.equal(String(piece), 'for the stream');
    t.equal(atServer.heard, '');
    stream.on('data', (octets: Buffer) => void stream.write(octets));
    const received: string[] = [];
    opened.receiver.octets = (buffer, start, end) => void received.push(buffer.toString('latin1', start, end));
    opened.send(Buffer.from('echo'));
    await seen(t, 'the echo', () => received.join('').endsWith('echo'));
    stream.pause();
    opened.send(Buffer.alloc(4 * mebi));
    await seen(t, 'the sender waits', () => opened.writableNeedDrain && stream.readableLength > 0);
    t.ok(stream.readableLength < mebi, `${stream.readableLength} octets are held`);
    stream.resume();
    await seen(t, 'the rest', () => opened.writableLength === 0);
  });
}

for (const make of makes) {
  t.test(`${make}: a wire that is destroyed during a write reports its end once`, async (t) => {
    const { opened, accepted, atServer, atClient } = await pair(t, make);
    opened.pause();
    accepted.send(Buffer.alloc(8 * mebi));
    accepted.send(Buffer.from('more'));
    accepted.destroy();
    t.notOk(accepted.send(Buffer.from('too late')));
    await seen(t, 'the server', () => atServer.closes.length === 1);
    opened.resume();
    await seen(t, 'the client', () => atClient.ends === 1);
    t.equal(opened.cut, true, 'without close_notify');
    opened.send(Buffer.alloc(mebi));
    await seen(t, 'the client closes', () => atClient.closes.length === 1);
    t.same(
      [atServer.closes, atClient.closes].map((closes) => closes.length),
      [1, 1],
    );
  });
}

for (const make of makes) {
  t.test(`${make}: a long write that the kernel takes at once ends in the same turn, past the stream`, async (t) => {
    const { accepted, atClient, atServer } = await pair(t, make);
    if (make === 'TLSSocket') Object.assign(accepted, { write: () => t.fail('the stream was written to') });
    for (let round = 1; round <= 3; round++) {
      t.notOk(accepted.send(Buffer.alloc(readSize, 'x')));
      t.ok(mustDrain(accepted), 'the sender waits');
      t.notOk(accepted.sendCopied?.(Buffer.from('refused')), 'a second write would have to be kept');
      t.equal(atServer.drains, round - 1);
      await new Promise(setImmediate);
      t.equal(atServer.drains, round, 'till the end of this turn');
      t.notOk(mustDrain(accepted));
      await seen(t, 'the octets', () => atClient.heard.length === round * readSize);
    }
    t.ok(accepted.sendCopied?.(Buffer.from('the end')));
    await seen(t, 'the end', () => atClient.heard.length === 3 * readSize + 7);
    t.equal(atServer.drains, 3, 'no sender waits for a short write');
  });
}

/** A server that sends octets, each of which tells its place, to a wire that passes them on to `client`. */
async function passOn(t: Test, octets: Buffer, client: Wire) {
  const server = net.createServer((socket) => socket.on('error', () => {}).end(octets)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const reads: number[] = [];
  const receiver = Object.assign(new Collecting(), {
    octets: (buffer: Buffer, start: number, end: number) => {
      reads.push(end - start);
      outbox.to(client).octets(buffer, start, end);
      outbox.flushIfPlenty();
      if (client.writableNeedDrain) wire.pause();
      else if (client.ending) wire.yield();
    },
  });
  client.receiver.drained = () => void wire.resume();
  const wire = connect({ host: '127.0.0.1', port, secure: undefined }, receiver, 0, () => {});
  t.teardown(() => {
    wire.destroy();
    server.close();
  });
  return { reads, wire };
}

const numbered = (length: number) => Buffer.from(Uint32Array.from({ length: length / 4 }, (_, index) => index * 2_654_435_761).buffer);

for (const make of makes) {
  t.test(`${make}: what goes to a client with TLS is read in large pieces, and arrives whole`, async (t) => {
    const { accepted, atClient } = await pair(t, make);
    const octets = numbered(8 * mebi);
    const { reads, wire } = await passOn(t, octets, accepted);
    await seen(t, 'everything', () => atClient.heard.length === octets.length);
    t.ok(atClient.heard === octets.toString('latin1'), 'in order');
    t.ok(Math.max(...reads) > readSize, `at most ${Math.max(...reads)} octets were read at a time`);
    t.ok(Math.max(...reads) <= largeReadSize);
    t.equal(readBuffers.taken, 0, 'no buffer belongs to a socket');
    await seen(t, 'the end', () => wire.readableEnded);
  });
}

for (const make of makes) {
  t.test(`${make}: a client with TLS that reads nothing holds one piece, and many of them small ones`, async (t) => {
    const { opened, accepted, atClient } = await pair(t, make);
    opened.pause();
    const octets = numbered(16 * mebi);
    const { reads } = await passOn(t, octets, accepted);
    await seen(t, 'the sender waits', () => accepted.writableNeedDrain);
    const read = reads.reduce((sum, count) => sum + count, 0);
    t.ok(accepted.writableLength <= largeReadSize, `${accepted.writableLength} octets wait`);
    t.equal(readBuffers.untaken, accepted.writableLength);
    const most = 32 * largeReadSize;
    t.not(readBuffers.afterCopied(readBuffers.shared, readSize), readBuffers.shared, 'the next piece may be a large one');
    const others = most - readBuffers.untaken + 1;
    readBuffers.untaken += others;
    t.equal(readBuffers.afterCopied(readBuffers.shared, readSize), readBuffers.shared, 'unless too much waits');
    readBuffers.untaken -= others;
    opened.resume();
    await seen(t, 'more', () => atClient.heard.length > read);
    opened.pause();
    await seen(t, 'the sender waits again', () => accepted.writableNeedDrain);
    accepted.destroy();
    await seen(t, 'nothing waits', () => readBuffers.untaken === 0);
  });
}
