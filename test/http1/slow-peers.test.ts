import { once } from 'node:events';
import net from 'node:net';
import t, { type Test } from 'tap';
import { ClientConnection } from '../../src/http1/connection/client-connection.ts';
import { Deadlines } from '../../src/http1/connection/deadlines.ts';
import { outbox } from '../../src/http1/connection/outbox.ts';
import type { RequestSink } from '../../src/http1/connection/request-sink.ts';
import type { ResponseSink } from '../../src/http1/connection/response-sink.ts';
import { sendQueues } from '../../src/http1/connection/send-queues.ts';
import { ServerConnection, type ServerConnectionOwner } from '../../src/http1/connection/server-connection.ts';
import type { ServerConnectionSettings } from '../../src/http1/connection/server-connection-settings.ts';
import type { SocketWire, Wire } from '../../src/http1/connection/wire.ts';
import { eventually } from '../tools/eventually.ts';
import { FakeClock } from '../tools/fake-clock.ts';

const settings: ServerConnectionSettings = {
  limits: { headBytes: 8192, targetBytes: 8192, fields: 100 },
  headMs: 10_000,
  idleMs: 75_000,
  bodyPace: { graceMs: 20_000, octetsPerSecond: 500 },
};
const mebi = 1024 * 1024;
/** More than the kernel's buffers of both ends hold. */
const size = 64 * mebi;

const ignored: RequestSink = { responding: true, data() {}, end() {}, abort() {}, turnEnd() {}, clientDrained() {}, crashed() {} };

/** One client's connection, on a clock that the test moves. `answer` is called with the head of the request. */
async function connected(t: Test, answer: (connection: ServerConnection) => void, sink: RequestSink = ignored) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const made: { connection?: ServerConnection; closed: boolean } = { closed: false };
  const owner: ServerConnectionOwner = {
    settings,
    deadlines,
    request(connection) {
      answer(connection);
      return sink;
    },
    refuse: (connection) => answer(connection),
    closed: () => {
      made.closed = true;
    },
    gaveWay() {},
    fault: (error) => t.fail(String(error)),
  };
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
    made.connection = new ServerConnection(accepted, owner);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  await once(client, 'connect');
  t.teardown(() => {
    client.destroy();
    made.connection?.destroy();
    server.close();
  });
  return { clock, client, made };
}

const text = (connection: ServerConnection, octets: string) => outbox.to(connection.wire).text(octets);

t.test('a client that sends its whole body first gets the answer that was given before', async (t) => {
  const answers = (connection: ServerConnection) => {
    text(connection, 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    connection.finish(true);
  };
  /** Sends a piece, and waits until the connection has read it, which moves its deadline. */
  const sendPiece = async ({ client, made }: Awaited<ReturnType<typeof connected>>) => {
    const connection = made.connection as ServerConnection;
    const { bytesRead } = connection.wire as SocketWire;
    client.write(Buffer.alloc(64 * 1024, 'x'));
    await eventually(
      () => (connection.wire as SocketWire).bytesRead,
      (read) => read >= bytesRead + 64 * 1024,
    );
  };

  await t.test('as long as it sends', async (t) => {
    const c = await connected(t, answers);
    c.client.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${100 * mebi}\r\n\r\n`);
    await eventually(
      () => c.made.connection?.wire.writableEnded,
      (ended) => ended === true,
    );
    for (let seconds = 0; seconds < 24; seconds += 4) {
      await c.clock.pass(4000);
      t.notOk(c.made.closed, `open after ${seconds + 4} s`);
      await sendPiece(c);
    }
    const got: Buffer[] = [];
    c.client.on('data', (octets) => got.push(octets)).end();
    await once(c.client, 'close');
    t.match(Buffer.concat(got).toString(), /^HTTP\/1\.1 413 /);
  });

  await t.test('not after a silence of 5 s', async (t) => {
    const c = await connected(t, answers);
    c.client.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${100 * mebi}\r\n\r\n`);
    await eventually(
      () => c.made.connection?.wire.writableEnded,
      (ended) => ended === true,
    );
    await c.clock.pass(4800);
    t.notOk(c.made.closed);
    await c.clock.pass(400);
    await eventually(
      () => c.made.closed,
      (closed) => closed,
    );
  });

  await t.test('not beyond 30 s', async (t) => {
    const c = await connected(t, answers);
    c.client.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${100 * mebi}\r\n\r\n`);
    await eventually(
      () => c.made.connection?.wire.writableEnded,
      (ended) => ended === true,
    );
    for (let seconds = 0; seconds < 28; seconds += 4) {
      await c.clock.pass(4000);
      await sendPiece(c);
    }
    t.notOk(c.made.closed);
    await c.clock.pass(2500);
    await eventually(
      () => c.made.closed,
      (closed) => closed,
    );
  });

  await t.test('also an answer to a head that is refused before its end', async (t) => {
    const c = await connected(t, answers);
    c.client.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}`);
    await eventually(
      () => c.made.connection?.wire.writableEnded,
      (ended) => ended === true,
    );
    await c.clock.pass(4000);
    await sendPiece(c);
    await c.clock.pass(4000);
    t.notOk(c.made.closed);
  });
});

t.test('a request body keeps the least pace', async (t) => {
  /** Begins a body, whose octets the test then sends. */
  const begun = async (t: Test) => {
    const aborted: unknown[] = [];
    const c = await connected(t, () => {}, { ...ignored, responding: false, abort: (fault) => aborted.push(fault) });
    c.client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${mebi}\r\n\r\nx`);
    await eventually(
      () => c.made.connection?.idle,
      (idle) => idle === false,
    );
    const connection = c.made.connection as ServerConnection;
    const send = async (octets: number) => {
      const { bytesRead } = connection.wire as SocketWire;
      c.client.write('x'.repeat(octets));
      await eventually(
        () => (connection.wire as SocketWire).bytesRead,
        (read) => read >= bytesRead + octets,
      );
    };
    return { ...c, connection, aborted, send };
  };
  await t.test('an octet every 3 s is not enough: 408 after 20 s, although the client is never silent', async (t) => {
    const { clock, aborted, send } = await begun(t);
    for (let seconds = 3; seconds <= 18; seconds += 3) {
      await clock.pass(3000);
      await send(1);
    }
    t.strictSame(aborted, []);
    await clock.pass(3000);
    t.match(aborted, [{ status: 408, code: 'request-timeout' }]);
  });
  await t.test('500 octets a second are enough for as long as it takes', async (t) => {
    const { clock, aborted, send } = await begun(t);
    for (let seconds = 0; seconds < 300; seconds += 3) {
      await clock.pass(3000);
      await send(1500);
    }
    t.strictSame(aborted, []);
  });
  await t.test('octets that came early buy no more than the grace', async (t) => {
    const { clock, aborted, send } = await begun(t);
    await send(500_000);
    for (let seconds = 3; seconds <= 21; seconds += 3) {
      await clock.pass(3000);
      await send(1);
    }
    t.match(aborted, [{ status: 408 }]);
  });
  await t.test('time in which Sluice itself does not read does not count', async (t) => {
    const { clock, aborted, connection, send } = await begun(t);
    await clock.pass(15_000);
    connection.pause();
    await clock.pass(600_000);
    connection.resume();
    await clock.pass(4000);
    t.strictSame(aborted, []);
    await send(1);
    await clock.pass(2000);
    t.match(aborted, [{ status: 408 }]);
  });
});

/** Octets that the peer of `wire` has not read yet, as far as its kernel has told. */
async function unreadOf(wire: net.Socket): Promise<number> {
  const { fd = -1, writeQueueSize = 0 } = (wire as unknown as { _handle: { fd?: number; writeQueueSize?: number } | null })._handle ?? {};
  return writeQueueSize + ((await sendQueues.of(fd, 0)) ?? 0);
}

/** Reads about this much of a paused socket, as a slow reader does, and waits until the sender `from` can see it. */
async function readSome(client: net.Socket, octets: number, from: net.Socket): Promise<void> {
  const before = await unreadOf(from);
  await new Promise<void>((resolve) => {
    let got = 0;
    const take = (piece: Buffer) => {
      got += piece.length;
      if (got < octets) return;
      client.off('data', take).pause();
      resolve();
    };
    client.on('data', take).resume();
  });
  await eventually(
    () => unreadOf(from),
    (unread) => unread < before,
  );
}

/** A connection that waits for its peer to read. */
type Sending = { readonly deadline: number; readonly wire: Wire };

/** Moves the clock in steps; after each one, waits until what the connection looks at is known. */
async function passInSteps(clock: FakeClock, ms: number, connection: Sending, closed: () => boolean): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await clock.pass(500);
    await eventually(
      () => connection.deadline !== 0 || closed(),
      (known) => known,
    );
  }
}

/** Moves the clock until the connection is over, and returns for how many milliseconds its peer had read nothing by then, or up to a step less. */
async function passUntilOver(clock: FakeClock, connection: Sending, over: () => boolean): Promise<number> {
  const stepMs = 5000;
  let unread = await unreadOf(connection.wire as SocketWire);
  let silentMs = 0;
  while (!over() && silentMs < 600_000) {
    await passInSteps(clock, stepMs, connection, over);
    const now = over() ? unread : await unreadOf(connection.wire as SocketWire);
    silentMs = now === unread ? silentMs + stepMs : 0;
    unread = now;
  }
  return silentMs;
}

const needsLinux = process.platform === 'linux' ? {} : { skip: 'only Linux tells how much of what was sent has been read' };

t.test('a slow client is not cut as long as it reads; one that reads nothing is', needsLinux, async (t) => {
  const { clock, client, made } = await connected(t, (connection) => {
    text(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    outbox.octets(Buffer.alloc(size, 'x'), 0, size);
    outbox.flush();
    connection.awaitDrain();
  });
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually(
    () => made.connection?.wire.writableLength ?? 0,
    (length) => length > 0,
  );
  const connection = made.connection as ServerConnection;
  for (let minute = 0; minute < 5; minute++) {
    await passInSteps(clock, 60_000, connection, () => made.closed);
    t.notOk(made.closed, `open after ${minute + 1} min`);
    await readSome(client, 4 * mebi, connection.wire as SocketWire);
  }
  t.ok(connection.wire.writableLength > 0, 'everything is still one write');
  const silentMs = await passUntilOver(clock, connection, () => made.closed);
  t.ok(made.closed && silentMs >= 70_000 && silentMs <= 90_000, `cut after 75 s without a read, or an eighth more: ${silentMs} ms`);
});

t.test('a server that reads a large body slowly is not silent; one that reads nothing is', needsLinux, async (t) => {
  const clock = new FakeClock();
  const server = net.createServer({ pauseOnConnect: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo;
  const failures: string[] = [];
  const sink: ResponseSink = {
    silenceMs: 60_000,
    headBytes: 8192,
    protocols: '',
    connected(connection) {
      connection.begin(sink, { method: 'PUT', expectContinue: false }, false);
      outbox.to(connection.wire as Wire).text(`PUT / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n`);
      outbox.octets(Buffer.alloc(size, 'x'), 0, size);
      outbox.flush();
      connection.progress(true, size);
    },
    head() {},
    responseData() {},
    responseEnd() {},
    failed: (failure) => void failures.push(failure),
    switched() {},
    turnEnd() {},
    upstreamDrained() {},
    doubted() {},
    starved: () => false,
    crashed: (error) => t.fail(String(error)),
  };
  const destination = { host: '127.0.0.1', port, secure: undefined };
  const owner = { destination, deadlines: new Deadlines(clock), put() {}, closed() {}, starving() {}, take: () => undefined };
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const connection = new ClientConnection(owner, sink, 3000);
  const [peer] = await accepted;
  peer.on('error', () => {});
  t.teardown(() => {
    connection.abandon();
    peer.destroy();
    server.close();
  });
  await eventually(
    () => connection.wire.writableLength,
    (length) => length > 0,
  );
  const over = () => failures.length > 0;
  for (let minute = 0; minute < 4; minute++) {
    await passInSteps(clock, 50_000, connection, over);
    t.strictSame(failures, [], `not silent after ${minute + 1} × 50 s`);
    await readSome(peer, 4 * mebi, connection.wire as SocketWire);
  }
  const silentMs = await passUntilOver(clock, connection, over);
  t.strictSame(failures, ['head-timeout']);
  t.ok(silentMs >= 55_000 && silentMs <= 75_000, `after 60 s without a read, or an eighth more: ${silentMs} ms`);
});
