import { test } from 'tap';
import { dnsServers } from '../../src/dns/servers.ts';

const of = (text: string) => dnsServers({ SLUICE_DNS_SERVERS: text });

test('DNS servers are IP addresses, with a port if it is not 53', async (t) => {
  t.equal(dnsServers({}), undefined);
  t.equal(of(' '), undefined);
  const good = ['192.0.2.1', '192.0.2.1:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353'];
  for (const server of good) t.strictSame(of(server), [server]);
  t.strictSame(of(good.join(', ')), good);
});

test('any other text is refused', async (t) => {
  for (const server of ['dns.example.com', '192.0.2.1:', '192.0.2.1:65536', '192.0.2', '[2001:db8::53', 'x:y'])
    t.throws(() => of(`192.0.2.1,${server}`), { code: 'invalid', message: /SLUICE_DNS_SERVERS: .* is not a DNS server/ }, server);
});
