import t from 'tap';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { DnsServer } from '../tools/dns-server.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { startRedis } from '../tools/redis.ts';

const dns = await DnsServer.start(t);
process.env['SLUICE_DNS_SERVERS'] = dns.address;

t.test('Redis is found by a name, and found again while DNS is out of order', async (t) => {
  const redis = await startRedis(t);
  dns.names.set('redis.test', { addresses: ['127.0.0.9', '127.0.0.1'], ttlSeconds: 1 });
  const registry = await openRegistry({ url: `redis://redis.test:${redis.port}`, logger });
  t.teardown(() => registry.close());
  await eventually(
    () => registry.link.up,
    (up) => up,
  );
  t.strictSame(await registry.environments(), []);
  dns.outage = { silent: true };
  t.teardown(() => {
    dns.outage = undefined;
  });
  await redis.stop();
  await eventually(
    () => registry.link.up,
    (up) => !up,
  );
  await redis.start();
  await eventually(
    () => registry.link.up,
    (up) => up,
  );
  t.strictSame(await registry.environments(), []);
});
