import { createServer } from 'node:net';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { FailoverSearch } from '../../src/registry/redis/failover-search.ts';
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

t.test('another master is looked for at once, and less often the longer none is found', async (t) => {
  let now = 0;
  const search = new FailoverSearch({ now: () => now });
  const readonly = new Error("READONLY You can't write against a read only replica.");
  const searched: number[] = [];
  for (; now < 120_000; now += 500) if (search.isDue(readonly)) searched.push(now / 1000);
  t.strictSame(searched, [0, 1, 3, 7, 15, 31, 61, 91]);
  t.notOk(search.isDue(new Error("OOM command not allowed when used memory > 'maxmemory'.")));
  now += 120_000;
  t.ok(search.isDue(readonly), 'another failover');
  t.notOk(search.isDue(readonly));
  now += 1000;
  t.ok(search.isDue(readonly));
});

t.test('every form of a Redis URL is parsed', async (t) => {
  const plain = { mode: 'single', tls: false, db: 0 };
  const table = {
    'redis://localhost': { ...plain, nodes: [{ host: 'localhost', port: 6379 }] },
    'redis://127.0.0.1:7000/3': { ...plain, nodes: [{ host: '127.0.0.1', port: 7000 }], db: 3 },
    'rediss://me:p%40ss@[::1]:7000?db=2': {
      ...plain,
      tls: true,
      nodes: [{ host: '::1', port: 7000 }],
      db: 2,
      username: 'me',
      password: 'p@ss',
    },
    'redis://:secret@h/': { ...plain, nodes: [{ host: 'h', port: 6379 }], password: 'secret' },
    'redis+sentinel://a,b:1,c:2/mymaster?db=1&sentinelPassword=x': {
      mode: 'sentinel',
      tls: false,
      db: 1,
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
        { host: 'c', port: 2 },
      ],
      master: 'mymaster',
      sentinelPassword: 'x',
    },
    'redis+cluster://a:1,b:2': {
      mode: 'cluster',
      tls: false,
      db: 0,
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    },
  };
  for (const [url, location] of Object.entries(table)) t.same(parseRedisUrl(url), location, url);
});

t.test('a faulty URL is refused without repeating its password', async (t) => {
  const table: Record<string, RegExp> = {
    'redis:': /forms/,
    'redis://': /forms/,
    'redis:///0': /forms/,
    'redis+other://h': /forms/,
    'redis://a,b': /several hosts/,
    'redis://h:0': /HOST:PORT/,
    'redis://h:70000': /HOST:PORT/,
    'redis://h/x': /database/,
    'redis://h/-1': /database/,
    'redis://h?db=x': /database/,
    'redis://h?color=red': /"color"/,
    'redis+sentinel://h': /name of the master/,
    'redis+cluster://h/1': /only database 0/,
    'redis://:s3cret%zz@h': /hexadecimal/,
    'redis://:s3cret@h h': /HOST:PORT/,
    'redis://:s3cret@a@b': /forms/,
  };
  for (const [url, reason] of Object.entries(table)) {
    t.throws(() => parseRedisUrl(url), { code: 'invalid', message: reason }, url);
    t.throws(() => parseRedisUrl(url), { message: /redis:\/\/.*redis\+sentinel.*redis\+cluster/ }, url);
    t.throws(() => parseRedisUrl(url), { message: /^(?!.*s3cret)/ }, url);
  }
});
