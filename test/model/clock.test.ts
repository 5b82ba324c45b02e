import { once } from 'node:events';
import net from 'node:net';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { listening } from '../tools/listening.ts';

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
