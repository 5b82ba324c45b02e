import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { retryDelay } from '../../src/model/retry-delay.ts';
import { listening } from '../tools/listening.ts';
import { seeded } from '../tools/seeded-random.ts';

t.test('data that arrived while the process was stalled is read before its timers run', async (t) => {
  const server = net.createServer();
  const { port } = new URL(`tcp://${await listening(t, server)}`);
  const client = net.connect(Number(port), '127.0.0.1');
  t.teardown(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const order: string[] = [];
  socket.on('data', () => order.push('read'));
  client.write('answer');
  const timeout = new Promise<void>((resolve) =>
    systemClock.after(5, () => {
      order.push('timeout');
      resolve();
    }),
  );
  const until = performance.now() + 20;
  while (performance.now() < until);
  await timeout;
  t.same(order, ['read', 'timeout']);
});

t.test('a timer that is due can still be cancelled', async (t) => {
  const late = systemClock.after(1, () => t.fail('it ran'));
  const cancelled = new Promise<void>((resolve) => {
    setTimeout(() => {
      late.cancel();
      resolve();
    }, 1);
  });
  const until = performance.now() + 10;
  while (performance.now() < until);
  await cancelled;
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
});

const peers = 100;

/** Times at which peers that were all cut off at 0 reach a registry again that was away for `awayMs`, in milliseconds after its return. */
function arrivals(awayMs: number): number[] {
  const random = seeded();
  return Array.from({ length: peers }, () => {
    let at = 0;
    for (let attempt = 0; ; attempt++) {
      at += retryDelay(attempt, random);
      if (at >= awayMs) return at - awayMs;
    }
  });
}

t.test('a hundred peers cut off together reconnect spread over time, and within about two seconds', async (t) => {
  for (const awayMs of [0, 500, 1500, 5000, 60_000]) {
    const times = arrivals(awayMs);
    const tenths = new Map<number, number>();
    for (const time of times) tenths.set(Math.floor(time / 100), (tenths.get(Math.floor(time / 100)) ?? 0) + 1);
    const most = Math.max(...tenths.values());
    t.comment(
      `away for ${awayMs} ms: all back after ${Math.round(Math.max(...times))} ms, at most ${most} of ${peers} in a tenth of a second`,
    );
    t.ok(most <= (awayMs === 0 ? 50 : 25), 'spread');
    t.ok(Math.max(...times) <= 2020, 'within what an outage may take to heal');
  }
});

t.test('delays grow up to a limit', async (t) => {
  const longest = [0, 1, 2, 3, 4, 50, 5000].map((attempt) => retryDelay(attempt, () => 1));
  t.strictSame(longest, [270, 520, 1020, 2020, 2020, 2020, 2020]);
  t.equal(
    retryDelay(50, () => 0),
    20,
    'never at once',
  );
});
