import { createServer } from 'node:net';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { RedisClient } from '../../src/registry/redis/redis-client.ts';
import { parseRedisUrl } from '../../src/registry/redis/redis-url.ts';
import { listening } from '../tools/listening.ts';
import { startRedis } from '../tools/redis.ts';

t.test('reconnect does not interrupt a connection attempt', async (t) => {
  const master = new URL((await startRedis(t)).url);
  const sentinel = createServer();
  const asked = new Promise<() => void>((resolve) => {
    sentinel.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        // The command's name is one line of its array of strings.
        for (const name of data
          .toString()
          .toLowerCase()
          .match(/hello|info|sentinels|get-master-addr-by-name|setname|setinfo/g) ?? []) {
          if (name === 'get-master-addr-by-name') resolve(() => socket.write(`*2\r\n${bulk('127.0.0.1')}${bulk(master.port)}`));
          else if (name === 'hello') socket.write(`%1\r\n${bulk('proto')}:3\r\n`);
          else if (name === 'info') socket.write(bulk('loading:0\r\n'));
          else if (name === 'sentinels') socket.write('*0\r\n');
          else socket.write('+OK\r\n');
        }
      });
    });
  });
  const { commands } = new RedisClient(parseRedisUrl(`redis+sentinel://${await listening(t, sentinel)}/m`), {
    random: Math.random,
    clock: systemClock,
  });
  commands.onError(() => {});
  t.teardown(() => commands.close());
  const answer = await asked;
  commands.reconnect();
  answer();
  await commands.ready();
  t.equal(await commands.publish('nobody', 'listens'), 0);
});

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}
