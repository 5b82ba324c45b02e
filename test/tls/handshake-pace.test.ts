import t from 'tap';
import { HandshakePace } from '../../src/tls/handshake-pace.ts';
import { HandshakeReads } from '../../src/tls/handshake-reads.ts';
import { HandshakeTurns } from '../../src/tls/handshake-turns.ts';
import { eventually } from '../tools/eventually.ts';

t.test('the handshakes of one network hold up none of another, nor the event loop', async (t) => {
  const turns = new HandshakeTurns();
  const done: string[] = [];
  const perTurn: number[] = [];
  const work = (network: string) => () => {
    done.push(network);
    const end = performance.now() + 0.2;
    while (performance.now() < end);
    return true;
  };
  for (let count = 0; count < 40; count++) turns.start('flood', work('flood'));
  for (const network of ['a', 'b']) turns.start(network, work(network));
  while (done.length < 42) {
    const before = done.length;
    await new Promise(setImmediate);
    perTurn.push(done.length - before);
  }
  t.strictSame(done.slice(0, 5), ['flood', 'a', 'b', 'flood', 'flood'], 'each network has its turn');
  t.ok(Math.max(...perTurn) <= 3, 'about half a millisecond of them in each turn of the event loop');
  let later = 0;
  for (let count = 0; count < 2; count++)
    turns.start('a', () => {
      later++;
      return false;
    });
  await new Promise(setImmediate);
  t.equal(later, 1, 'one that goes on by itself after the call is the last of its turn');
});

t.test('clients that are slow to answer within the handshake take turns in being read', async (t) => {
  const reads = new HandshakeReads(64);
  const all = Array.from({ length: 100 }, () => ({
    read: true,
    was: false,
    pause() {
      this.read = false;
    },
    resume() {
      this.read = true;
      this.was = true;
    },
  }));
  const unread = () => all.filter(({ read }) => !read).length;
  for (const handshake of all) reads.enter(handshake);
  t.equal(unread(), 36);
  t.ok(all[0]?.read && !all[64]?.read, 'the first ones are read');
  reads.leave(all[0] as (typeof all)[0]);
  t.ok(all[64]?.read, 'the next one is read once one is complete');
  await eventually(
    () => all.slice(1).filter(({ was }, index) => was || index < 63).length,
    (count) => count === 99,
    { what: 'each handshake to be read' },
  );
  t.equal(unread(), 35, 'the others have lost their turn');
  for (const handshake of all) reads.leave(handshake);
  t.equal(unread(), 0, 'a connection is read once its handshake is over');
});

t.test('handshakes that end at once are read for a short time in each turn of the event loop', async (t) => {
  let now = 0;
  const reads = new HandshakeReads(64, () => now);
  const all = Array.from({ length: 40 }, () => ({
    read: true,
    ended: false,
    pause() {
      this.read = false;
    },
    resume() {
      this.read = true;
    },
  }));
  for (const handshake of all) reads.enter(handshake);
  const perTurn: number[] = [];
  while (all.some(({ ended }) => !ended)) {
    let count = 0;
    for (const handshake of all)
      if (handshake.read && !handshake.ended) {
        now += 0.1;
        handshake.ended = true;
        count++;
        reads.leave(handshake);
      }
    perTurn.push(count);
    await new Promise(setImmediate);
  }
  t.strictSame(perTurn, [6, 6, 6, 6, 6, 6, 4]);
  t.ok(
    all.every(({ read }) => read),
    'each is read again once it is over',
  );
});

t.test('handshakes of which the server asks a second ClientHello are read two at a time', async (t) => {
  const pace = new HandshakePace();
  const all = Array.from({ length: 10 }, () => ({ pause: () => {}, resume: () => {} }));
  let paused = 0;
  const hello = { serverName: undefined, protocol: undefined, sharesKey: false };
  for (const handshake of all) {
    handshake.pause = () => void paused++;
    handshake.resume = () => void paused--;
    pace.start({ network: 'a', connection: handshake, underWay: () => true, answer: () => true }, hello);
  }
  await eventually(
    () => paused,
    (count) => count === 8,
    { what: 'the others to wait' },
  );
  for (const handshake of all) pace.leave(handshake);
  t.equal(paused, 0);
});
