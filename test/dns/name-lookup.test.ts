import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { NameLookup } from '../../src/dns/name-lookup.ts';
import { SystemLookup } from '../../src/dns/system-lookup.ts';
import { DnsServer } from '../tools/dns-server.ts';

async function world(t: Test, files: { hosts?: string; resolvConf?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-names-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [hostsFile, resolvConf] = [join(folder, 'hosts'), join(folder, 'resolv.conf')];
  writeFileSync(hostsFile, files.hosts ?? '');
  writeFileSync(resolvConf, files.resolvConf ?? '');
  const server = await DnsServer.start(t);
  const lookup = new NameLookup({ servers: () => [server.address], hostsFile, resolvConf, system: new SystemLookup() });
  return { server, lookup, hostsFile, resolvConf };
}

test('a name has the addresses of both families, with the shortest TTL', async (t) => {
  const { server, lookup } = await world(t);
  server.names.set('api.test', { addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1'], ttlSeconds: 7 });
  const { addresses, ttlMs } = await lookup.find('api.test', true);
  t.strictSame([...addresses].sort(), ['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  t.equal(ttlMs, 7000);
});

test('the hosts file comes first, and is read again when it has changed', async (t) => {
  const { server, lookup, hostsFile } = await world(t, {
    hosts: '192.0.2.7 First.test other.test # comment\n::1 first.test\nnonsense x\n',
  });
  server.names.set('first.test', { addresses: ['192.0.2.1'] });
  t.strictSame((await lookup.find('first.test', true)).addresses, ['192.0.2.7', '::1']);
  t.strictSame((await lookup.find('other.test', true)).addresses, ['192.0.2.7']);
  t.equal(server.asked('first.test'), 0);
  writeFileSync(hostsFile, '192.0.2.8 other.test\n');
  t.strictSame((await lookup.find('other.test', true)).addresses, ['192.0.2.8']);
  t.strictSame((await lookup.find('first.test', true)).addresses, ['192.0.2.1']);
});

test('short names are completed with the search list', async (t) => {
  const { server, lookup } = await world(t, { resolvConf: 'search one.test two.test.\noptions ndots:2\n' });
  server.names.set('web.two.test', { addresses: ['192.0.2.2'] });
  server.names.set('a.b', { addresses: ['192.0.2.3'] });
  server.names.set('a.b.c', { addresses: ['192.0.2.4'] });
  server.names.set('web.one.test', { failure: 'SERVFAIL' });
  t.strictSame((await lookup.find('web', true)).addresses, ['192.0.2.2'], 'a search domain whose server fails is passed over');
  t.strictSame((await lookup.find('a.b', true)).addresses, ['192.0.2.3'], 'the name as it is comes last');
  t.strictSame((await lookup.find('a.b.c', true)).addresses, ['192.0.2.4'], 'a name with enough dots comes first');
  t.equal(server.asked('a.b.c.one.test'), 0);
  await t.rejects(lookup.find('web.', true), { code: 'ENOTFOUND' }, 'a name with a final dot is complete');
});

test('localhost needs no server', async (t) => {
  const { server, lookup } = await world(t);
  t.strictSame((await lookup.find('localhost', true)).addresses, ['127.0.0.1', '::1']);
  t.equal(server.questions.size, 0);
});

test('the reason says whether a name does not exist or cannot be resolved', async (t) => {
  const { server, lookup } = await world(t);
  server.names.set('empty.test', {});
  server.names.set('failing.test', { failure: 'SERVFAIL' });
  server.names.set('refused.test', { failure: 'REFUSED' });
  server.names.set('silent.test', { silent: true });
  const reasons = {
    'none.test': { code: 'ENOTFOUND', message: 'the name none.test does not exist' },
    'empty.test': { code: 'ENOTFOUND' },
    'failing.test': { code: 'EAI_AGAIN', message: /failing.test cannot be resolved: the DNS server failed \(ESERVFAIL\)/ },
    'refused.test': { code: 'EAI_AGAIN', message: /EREFUSED/ },
    'silent.test': { code: 'EAI_AGAIN', message: /no DNS server answered in time \(ETIMEOUT\)/ },
  };
  await Promise.all(Object.entries(reasons).map(([name, reason]) => t.rejects(lookup.find(name, true), reason, name)));
});

test('a name server that is silent about IPv6 does not hold up IPv4', async (t) => {
  const { server, lookup } = await world(t);
  server.names.set('four.test', { addresses: ['192.0.2.1'], silent: 'AAAA' });
  const quick = lookup.find('four.test', false);
  const patient = lookup.find('four.test', true);
  t.equal(await Promise.race([quick, patient]), await quick);
  t.strictSame((await quick).addresses, ['192.0.2.1']);
  t.strictSame((await patient).addresses, ['192.0.2.1'], 'nor does its timeout harm');
});
