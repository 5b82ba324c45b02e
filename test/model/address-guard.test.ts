import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import t, { test } from 'tap';
import { Resolver } from '../../src/dns/resolver.ts';
import { AddressGuard } from '../../src/model/address-guard.ts';
import { systemClock } from '../../src/model/clock.ts';
import { OwnAddresses } from '../../src/model/own-addresses.ts';

test('groups of addresses in every spelling', async (t) => {
  const linkLocal = new AddressGuard(['link-local']);
  for (const address of [
    '169.254.169.254',
    '169.254.0.1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    'fe80::1',
    'FE80::1',
    'fd00:ec2::254',
    '64:ff9b::169.254.169.254',
  ])
    t.match(linkLocal.refusal(address), address, address);
  for (const address of ['127.0.0.1', '169.253.255.255', '169.255.0.1', '::1', 'fd00:ec2::253', '10.0.0.1', 'localhost'])
    t.equal(linkLocal.refusal(address), undefined, address);
  const loopback = new AddressGuard(['loopback']);
  for (const address of ['127.0.0.1', '127.255.0.9', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::127.0.0.1'])
    t.ok(loopback.refusal(address), address);
  t.equal(loopback.refusal('128.0.0.1'), undefined);
  const mixed = new AddressGuard(['private', '192.0.2.7', '2001:db8::/32', '203.0.113.0/24']);
  for (const address of [
    '10.1.1.1',
    '172.31.0.1',
    '192.168.9.9',
    '100.64.0.1',
    'fd12::1',
    '192.0.2.7',
    '2001:db8:ffff::1',
    '203.0.113.255',
  ])
    t.ok(mixed.refusal(address), address);
  for (const address of ['172.32.0.1', '192.0.2.8', '2001:db9::1']) t.equal(mixed.refusal(address), undefined, address);
  for (const odd of ['', 'loop', '10.0.0.0/33', '::1/129', '10.0.0.0/8/8', '10.0.0.0/', 'none', '10.0.0.0/1e1'])
    t.throws(() => new AddressGuard([odd]), /is not loopback, link-local, private/, odd);
});

test('an address is judged when it is connected to, whatever name led there', async (t) => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  let addresses = ['127.0.0.1'];
  const resolver = new Resolver({ lookup: { find: async () => ({ addresses, ttlMs: 0 }) }, clock: systemClock, random: () => 0.5 });
  const dial = async (host: string, guard?: AddressGuard): Promise<string> => {
    const socket = connect(resolver.dial(host, port, 1000, guard) as never);
    const outcome = await new Promise<string>((resolve) => {
      socket.once('connect', () => resolve('connected')).once('error', (error) => resolve(error.message));
    });
    socket.destroy();
    return outcome;
  };
  const guard = new AddressGuard(['loopback']);
  t.equal(await dial('a.test'), 'connected');
  t.equal(await dial('127.0.0.1'), 'connected');
  t.match(await dial('a.test', guard), 'targets at 127.0.0.1 are denied');
  t.match(await dial('127.0.0.1', guard), 'targets at 127.0.0.1 are denied');
  addresses = ['::1', '127.0.0.1'];
  t.match(await dial('b.test', guard), 'are denied', 'every address of a name');
  const linkLocal = new AddressGuard(['link-local']);
  addresses = ['169.254.169.254', '127.0.0.1'];
  t.equal(await dial('c.test', linkLocal), 'connected', 'a name that has other addresses is reached there');
});

t.test('loopback and the addresses of the interfaces are this machine, names and all others are not', (t) => {
  let now = 0;
  let looks = 0;
  const present = ['192.0.2.7', 'fe80::7', '2001:db8::7'];
  const own = new OwnAddresses(
    () => {
      looks++;
      return { eth0: present.map((address) => ({ address }) as NetworkInterfaceInfo) };
    },
    () => now,
  );
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1']) t.ok(own.has(host), host);
  t.equal(looks, 0, 'the interfaces are not looked at for loopback');
  for (const host of ['192.0.2.7', '::ffff:192.0.2.7', 'fe80::7%eth0', '2001:db8::7']) t.ok(own.has(host), host);
  for (const host of ['192.0.2.8', '127.example', '10.0.0.1', '2001:db8::8', 'gw1.internal', '']) t.notOk(own.has(host), host);
  t.equal(looks, 1);
  present.push('192.0.2.8');
  now += 5_000;
  t.ok(own.has('192.0.2.8'), 'an address that the machine gets later is noticed');
  t.end();
});
