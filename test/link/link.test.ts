import { test } from 'tap';
import { ConnectionPool } from '../../src/http1/connection/connection-pool.ts';
import { Deadlines } from '../../src/http1/connection/deadlines.ts';
import type { ResponseSink } from '../../src/http1/connection/response-sink.ts';
import { isUnread } from '../../src/http1/connection/wire.ts';
import { FrameReader, firstCharacter, firstWithOctets, frameTypes, windowOctets } from '../../src/link/frames.ts';
import { mostStreams } from '../../src/link/link.ts';
import fc from '../tools/fast-check.ts';
import { frame, LinkEnd, turns } from './ends.ts';

const types = Object.values(frameTypes);

/** A new stream with its first octets. */
const opened = (stream: number, octets: Buffer) => Buffer.concat([frame('open', stream), frame('data', stream, octets)]);

/** Cuts octets at these places. */
function cut(octets: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (octets.length + 1)))].sort((one, other) => one - other);
  return [0, ...at].map((start, index) => octets.subarray(start, at[index] ?? octets.length));
}

test('frames are read alike in whatever pieces they arrive', async () => {
  const control = fc.tuple(fc.constantFrom(...types.slice(1)), fc.nat(0xffff_ffff), fc.nat(0xff_ffff));
  const data = fc.tuple(fc.constant(1), fc.nat(0xffff_ffff), fc.uint8Array({ minLength: 1, maxLength: 300 }));
  fc.assert(
    fc.property(fc.array(fc.oneof(control, data), { maxLength: 20 }), fc.array(fc.nat()), (frames, places) => {
      const octets = Buffer.concat(
        frames.map(([type, stream, value]) => frame(type, stream, typeof value === 'number' ? value : Buffer.from(value))),
      );
      const seen: unknown[] = [];
      const reader = new FrameReader({
        data: (stream, buffer, start, end) => {
          const last = seen.at(-1) as { stream: number; data?: string; open: boolean } | undefined;
          const text = buffer.toString('hex', start, end);
          if (last?.open === true && last.stream === stream) last.data += text;
          else seen.push({ stream, data: text, open: true });
          return undefined;
        },
        control: (type, stream, value) => void seen.push({ type, stream, value }),
      });
      for (const piece of cut(octets, places)) if (reader.read(piece, 0, piece.length) !== undefined) return false;
      const expected: unknown[] = [];
      for (const [type, stream, value] of frames) {
        const last = expected.at(-1) as { stream: number; data?: string } | undefined;
        if (typeof value === 'number') expected.push({ type, stream, value });
        else if (last?.data !== undefined && last.stream === stream) last.data += Buffer.from(value).toString('hex');
        else expected.push({ stream, data: Buffer.from(value).toString('hex'), open: true });
      }
      return JSON.stringify(seen) === JSON.stringify(expected);
    }),
    { numRuns: 300 },
  );
});

test('no octets of a peer make an end of a link throw, or keep more than its streams have credit for', async () => {
  const wild = fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets));
  const likely = fc
    .tuple(
      fc.constantFrom(...types),
      fc.integer({ min: 0, max: 5 }),
      fc.oneof(fc.nat(70_000), fc.uint8Array({ minLength: 1, maxLength: 50 })),
    )
    .map(([type, stream, value]) =>
      typeof value === 'number' && type === 1
        ? frame(type, stream, Buffer.alloc(value + 1))
        : frame(type, stream, typeof value === 'number' ? value : Buffer.from(value)),
    );
  fc.assert(
    fc.property(
      fc.constantFrom('balancer' as const, 'gateway' as const),
      fc.array(fc.oneof(likely, likely, likely, wild), { maxLength: 40 }),
      (role, pieces) => {
        const end = new LinkEnd(role);
        if (role === 'balancer') for (let stream = 0; stream < 3; stream++) end.open().wire.pause();
        for (const piece of pieces) {
          if (end.over !== undefined) break;
          end.receive(piece);
        }
        const isConsistent =
          end.over === undefined || (end.over.fault && end.over.reason.length > 0 && end.wire.destroyed && end.link.size === 0);
        end.link.destroy();
        return isConsistent && end.streams.every(({ octetsHere }) => octetsHere.length <= 40 * 70_000);
      },
    ),
    { numRuns: 300 },
  );
});

test('a peer that breaks a rule loses its link, with a reason that says which', async (t) => {
  const full = Buffer.alloc(windowOctets);
  const cases: readonly (readonly [role: 'balancer' | 'gateway', reason: RegExp, ...frames: Buffer[]])[] = [
    ['gateway', /no frame/, Buffer.from('HEAD / HTTP/1.1')],
    ['balancer', /no frame/, Buffer.from('~'.repeat(8))],
    ['gateway', /data frame of 0 octets/, frame('data', 1, 0)],
    ['gateway', /data frame of 16777215 octets/, frame('data', 1, 0xff_ffff)],
    ['gateway', /more than it has credit|than it has credit for/, opened(1, full), frame('data', 1, full)],
    ['gateway', /after the end/, opened(1, Buffer.from('a')), frame('end', 1), frame('data', 1, Buffer.from('b'))],
    ['gateway', /ends twice/, opened(1, Buffer.from('a')), frame('end', 1), frame('end', 1)],
    ['gateway', /credit than was used/, opened(1, Buffer.from('a')), frame('credit', 1, 1)],
    ['gateway', /goAway from the end that opens/, frame('goAway', 0)],
    ['balancer', /not opened/, frame('data', 1, Buffer.from('a'))],
    ['gateway', /not opened/, frame('data', 1, Buffer.from('a'))],
    ['gateway', /opened again/, frame('open', 2), frame('open', 2)],
    ['balancer', /only serves/, frame('open', 1)],
    ['balancer', /goAway with a stream that was not opened/, frame('goAway', 1)],
    ['gateway', /more than 1024 streams/, ...Array.from({ length: mostStreams + 1 }, (_, index) => frame('open', index + 1))],
  ];
  for (const [role, reason, ...frames] of cases) {
    const end = new LinkEnd(role);
    if (role === 'gateway') end.receive(...frames.slice(0, -1));
    for (const { wire } of end.streams) if (reason.source.includes('credit for')) wire.pause();
    end.receive(...frames.slice(-1), ...(reason.source.includes('credit for') ? [frame('data', 1, full)] : []));
    t.match(end.over?.reason, reason);
    t.equal(end.over?.fault, true);
    t.ok(end.wire.destroyed);
    t.ok(end.streams.every(({ closedWith }) => closedWith instanceof Error));
  }
});

test('frames of types that a newer program may send are skipped, with their octets', async () => {
  const unknown = fc.oneof(
    fc.tuple(fc.integer({ min: 9, max: firstCharacter - 1 }), fc.nat(0xffff_ffff), fc.nat(0xff_ffff)),
    fc.tuple(fc.integer({ min: firstWithOctets, max: 255 }), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 300 })),
  );
  fc.assert(
    fc.property(fc.constantFrom('balancer' as const, 'gateway' as const), fc.array(unknown), fc.array(fc.nat()), (role, frames, places) => {
      const end = new LinkEnd(role);
      const known = role === 'gateway' ? [opened(1, Buffer.from('a'))] : [frame('data', end.open().wire.stream, Buffer.from('a'))];
      const skipped = frames.map(([type, stream, value]) => frame(type, stream, typeof value === 'number' ? value : Buffer.from(value)));
      for (const piece of cut(Buffer.concat([...skipped, ...known, ...skipped, frame('data', 1, Buffer.from('b'))]), places))
        end.receive(piece);
      const isRight = end.over === undefined && end.streams.length === 1 && end.streams[0]?.octetsHere.toString() === 'ab';
      end.link.destroy();
      return isRight;
    }),
    { numRuns: 200 },
  );
});

test('streams that a peer opens and breaks off leave nothing behind', async (t) => {
  const end = new LinkEnd('gateway');
  for (let stream = 1; stream <= 5000; stream++) end.receive(opened(stream, Buffer.from('GET')), frame('reset', stream));
  t.equal(end.link.size, 0);
  t.equal(end.over, undefined);
  t.ok(end.streams.every(({ closedWith }) => closedWith instanceof Error));
  await turns();
  t.equal(end.wire.take().length, 0);
  end.link.destroy();
});

test('frames for streams that are over are ignored, since they were under way', async (t) => {
  const end = new LinkEnd('gateway');
  end.receive(opened(1, Buffer.from('a')));
  end.streams[0]?.wire.destroy();
  end.receive(frame('data', 1, Buffer.from('b')), frame('credit', 1, 5), frame('end', 1), frame('reset', 1));
  t.equal(end.over, undefined);
  t.equal(end.emptied, 1);
  end.link.destroy();
});

test('everything that streams send in a turn leaves in one write', async (t) => {
  const end = new LinkEnd('balancer');
  const streams = Array.from({ length: 20 }, () => end.open());
  for (const { wire } of streams) wire.send(Buffer.from('hello'));
  end.receive(frame('ping', 0));
  await turns();
  t.equal(end.wire.writes, 1);
  t.equal(end.wire.take().length, 20 * (8 + 8 + 5) + 8);
  end.link.destroy();
});

test('a stream sends what it has credit for, and the rest when it gets more', async (t) => {
  const end = new LinkEnd('balancer');
  const { wire } = end.open();
  const other = end.open();
  wire.send(Buffer.alloc(windowOctets + 100));
  t.equal(wire.writableLength, 100);
  t.equal(wire.writableNeedDrain, true);
  other.wire.send(Buffer.from('x'));
  t.equal(other.wire.writableNeedDrain, false, 'other streams are not held up');
  wire.end();
  await turns();
  t.equal(end.wire.take().length, 8 + 8 + 8 + windowOctets + 8 + 1, 'the end follows the rest');
  end.receive(frame('credit', 1, 40));
  t.equal(wire.writableLength, 60);
  t.equal(end.streams[0]?.drains, 0);
  end.receive(frame('credit', 1, 1000));
  t.equal(end.streams[0]?.drains, 1);
  await turns();
  t.same(end.wire.take().subarray(-8), frame('end', 1));
  end.link.destroy();
});

test('a paused stream gets nothing, gives no credit, and goes on in order', async (t) => {
  const end = new LinkEnd('gateway');
  end.receive(opened(1, Buffer.from('a')));
  const [stream] = end.streams as [(typeof end.streams)[0]];
  stream.wire.pause();
  end.receive(frame('data', 1, Buffer.alloc(30_000, 'b')), frame('end', 1));
  await turns();
  t.equal(stream.octetsHere.length, 1);
  t.equal(end.wire.writes, 0);
  stream.wire.resume();
  await turns();
  t.equal(stream.octetsHere.length, 30_001);
  t.ok(stream.ended);
  end.link.destroy();
});

test('two ends carry any streams in order, whatever is paused, and never more than the window of each', async () => {
  const step = fc.record({
    stream: fc.nat(3),
    act: fc.constantFrom('send', 'send', 'answer', 'pause', 'resume'),
    size: fc.integer({ min: 1, max: 90_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const [near, far] = [new LinkEnd('balancer'), new LinkEnd('gateway')];
      near.wire.onSend = (octets) => setImmediate(() => far.receive(octets));
      far.wire.onSend = (octets) => setImmediate(() => near.receive(octets));
      const opened = Array.from({ length: 4 }, () => near.open());
      const written = opened.map(() => ({ there: [] as Buffer[], back: [] as Buffer[] }));
      for (const { wire } of opened) wire.send(Buffer.from('*'));
      for (const { there } of written) there.push(Buffer.from('*'));
      await turns(4);
      let value = 0;
      for (const { stream, act, size } of steps) {
        const [mine, theirs] = [opened[stream], far.streams[stream]];
        const octets = Buffer.alloc(size, value++ & 0xff);
        if (mine === undefined || theirs === undefined) return false;
        if (act === 'pause') theirs.wire.pause();
        else if (act === 'resume') theirs.wire.resume();
        else {
          (act === 'send' ? mine : theirs).wire.send(octets);
          written[stream]?.[act === 'send' ? 'there' : 'back'].push(octets);
        }
        await turns(1);
      }
      for (const { wire } of far.streams) wire.resume();
      await turns(120);
      const isWhole = opened.every(({ octetsHere }, index) => octetsHere.equals(Buffer.concat(written[index]?.back ?? [])));
      const isWholeThere = far.streams.every(({ octetsHere }, index) => octetsHere.equals(Buffer.concat(written[index]?.there ?? [])));
      const isFine = near.over === undefined && far.over === undefined;
      near.link.destroy();
      far.link.destroy();
      return isWhole && isWholeThere && isFine;
    }),
    { numRuns: 40 },
  );
});

test('after goAway, streams that were not read end as unread, and the others go on', async (t) => {
  const end = new LinkEnd('balancer');
  const [read, unread] = [end.open(), end.open()];
  for (const { wire } of [read, unread]) wire.send(Buffer.from('x'));
  end.receive(frame('goAway', 1));
  t.equal(end.left, 1);
  t.ok(isUnread(unread.closedWith as Error));
  t.equal(read.closedWith, undefined);
  t.notOk(end.link.hasRoom);
  end.receive(frame('data', 1, Buffer.from('answer')));
  t.equal(read.octetsHere.toString(), 'answer');
  end.link.destroy();
});

test('an end that leaves says which stream it has read last, and ignores later ones', async (t) => {
  const end = new LinkEnd('gateway');
  end.receive(opened(1, Buffer.from('a')));
  end.link.leave();
  await turns();
  t.same(end.wire.take(), frame('goAway', 1));
  end.receive(opened(2, Buffer.from('b')), frame('data', 1, Buffer.from('c')));
  t.equal(end.streams.length, 1);
  t.equal(end.streams[0]?.octetsHere.toString(), 'ac');
  t.equal(end.over, undefined);
  end.link.destroy();
});

test('a silent peer is asked for a sign of life, gets no more streams without one, and is given up at last', async (t) => {
  const end = new LinkEnd('balancer');
  const stream = end.open();
  await turns();
  end.wire.take();
  await end.clock.pass(5500);
  await turns();
  t.same(end.wire.take(), frame('ping', 0));
  end.receive(frame('pong', 0));
  await end.clock.pass(9000);
  t.equal(end.left, 0);
  await end.clock.pass(2000);
  t.equal(end.left, 1);
  t.equal(stream.closedWith, undefined, 'streams that are open are kept: the peer may only have stood still');
  end.receive(frame('data', 1, Buffer.from('late')));
  t.equal(stream.octetsHere.toString(), 'late');
  await end.clock.pass(59_000);
  t.equal(end.over, undefined);
  await end.clock.pass(6000);
  t.match(end.over, { reason: /no sign of life/, fault: false });
  t.match((stream.closedWith as Error).message, /no sign of life/);
});

test('a peer that does not read is given up before much is kept for it', async (t) => {
  const end = new LinkEnd('gateway');
  end.receive(opened(1, Buffer.from('a')), opened(2, Buffer.from('b')));
  end.wire.writableNeedDrain = true;
  for (let asked = 0; asked < 1000; asked++) end.receive(frame('ping', 0));
  await turns();
  t.equal(end.wire.take().length, 0, 'it gets no pongs');
  end.wire.writableLength = 70 * 1024 * 1024;
  for (const { wire } of end.streams) wire.send(Buffer.alloc(windowOctets));
  t.not(end.wire.take().length, 0, 'the memory is full, and its octets have left');
  t.equal(end.over, undefined, 'no stream is lost while octets are sent, which may be those of others');
  await turns();
  t.match(end.over, { reason: /does not read/, fault: true });
});

test('streams that send much take turns on a connection that does not keep up', async (t) => {
  const end = new LinkEnd('gateway');
  const streams = [1, 2, 3];
  for (const stream of streams) end.receive(opened(stream, Buffer.from('a')));
  const sentOf = new Map(streams.map((stream) => [stream, 0]));
  const reader = new FrameReader({
    data: (stream, _buffer, start, at) => void sentOf.set(stream, (sentOf.get(stream) ?? 0) + at - start),
    control: () => undefined,
  });
  end.wire.onSend = (octets) => void reader.read(octets, 0, octets.length);
  for (const { wire } of end.streams) wire.send(Buffer.alloc(10 * windowOctets));
  for (let round = 1; round < 10; round++) {
    await turns();
    t.same([...sentOf.values()], Array(3).fill(round * windowOctets));
    for (const stream of streams) end.receive(frame('credit', stream, windowOctets));
  }
  end.link.destroy();
});

test('a request that has not left when its link is lost is sent elsewhere, whatever its method, and one that may have arrived is not', async (t) => {
  for (const [leaves, answers, failure] of [
    [false, false, 'connect-failed'],
    [true, false, 'reset'],
    [true, true, 'reset'],
  ] as const) {
    const end = new LinkEnd('balancer');
    const pool = new ConnectionPool({ host: '127.0.0.1', port: 1, secure: undefined }, new Deadlines(end.clock), {
      idleMs: 1000,
      ageMs: 0,
    });
    const connection = pool.over((receiver) => end.link.open(receiver));
    const failed: string[] = [];
    const sink = {
      silenceMs: 0,
      headBytes: 1000,
      protocols: '',
      head() {},
      turnEnd() {},
      failed: (kind: string) => void failed.push(kind),
    };
    connection.begin(sink as unknown as ResponseSink, { method: 'POST', expectContinue: false }, true);
    connection.wire.send(Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n'));
    if (leaves) await turns();
    if (answers) {
      end.receive(frame('data', 1, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n')));
      connection.wire.send(Buffer.from('ab'));
    }
    end.link.destroy();
    t.same(failed, [failure], `left: ${leaves}, answered: ${answers}`);
  }
});
