import t from 'tap';
import { HostTable } from '../../src/model/host-table.ts';
import fc from '../tools/fast-check.ts';

const listen = '127.0.0.1:8080';
const table = new HostTable([
  { name: 'production', listen, hosts: ['api.example.com', '*.api.example.com', '[::1]'] },
  { name: 'everything', listen, hosts: ['*.example.com', '*.com'] },
  { name: 'default', listen, hosts: [] },
  { name: 'strict', listen: '127.0.0.1:8081', hosts: ['only.example.com'] },
  { name: 'alone', listen: '127.0.0.1:8082', hosts: [] },
]);

t.test('the exact name, then the longest wildcard, then the default', async (t) => {
  for (const [authority, environment] of [
    ['api.example.com', 'production'],
    ['api.example.com:8080', 'production'],
    ['api.example.com.', 'production'],
    ['api.example.com.:8080', 'production'],
    ['API.Example.COM', 'production'],
    ['a.api.example.com', 'production'],
    ['a.b.c.api.example.com:1', 'production'],
    ['www.example.com', 'everything'],
    ['example.com', 'everything'],
    ['xapi.example.com', 'everything'],
    ['com', 'default'],
    ['example.org', 'default'],
    ['[::1]', 'production'],
    ['[::1]:8080', 'production'],
    ['[::2]:8080', 'default'],
    ['127.0.0.1:8080', 'default'],
    ['.api.example.com', 'default'],
    ['.', 'default'],
    [':80', 'default'],
    ['', 'default'],
    ['__proto__', 'default'],
  ]) {
    t.equal(table.find(listen, authority as string), environment, authority as string);
  }
});

t.test('a listener without a default serves only the hosts that are named', async (t) => {
  t.equal(table.find('127.0.0.1:8081', 'only.example.com'), 'strict');
  t.equal(table.find('127.0.0.1:8081', 'api.example.com'), undefined);
  t.equal(table.find('127.0.0.1:8082', 'whatever'), 'alone');
  t.equal(table.find('127.0.0.1:1', 'api.example.com'), undefined);
});

t.test('the earlier environment keeps a host or default that two claim, and the conflict is reported', async (t) => {
  const { conflicts, find } = new HostTable([
    { name: 'old', listen, hosts: ['a.example'] },
    { name: 'first', listen, hosts: [] },
    { name: 'new', listen, hosts: ['b.example', 'a.example'] },
    { name: 'second', listen, hosts: [] },
  ]);
  t.type(find, 'function');
  t.strictSame(conflicts, [
    { listen, host: 'a.example', winner: 'old', loser: 'new' },
    { listen, winner: 'first', loser: 'second' },
  ]);
});

t.test('no Host that a client can send makes it throw', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (authority) =>
      ['default', 'everything', 'production'].includes(table.find(listen, authority) ?? ''),
    ),
    { seed: 42 },
  );
});
