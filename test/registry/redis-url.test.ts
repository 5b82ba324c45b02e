import t from 'tap';
import { parseRedisUrl } from '../../src/registry/redis/redis-url.ts';

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
