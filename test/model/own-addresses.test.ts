import type { NetworkInterfaceInfo } from 'node:os';
import t from 'tap';
import { OwnAddresses } from '../../src/model/own-addresses.ts';

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
