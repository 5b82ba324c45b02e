import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { eventually } from '../tools/eventually.ts';
import { silentLogger as logger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { startRedis } from '../tools/redis.ts';
import { type RegistryUnderTest, registryContract } from './registry.ts';

t.test('embedded', (t) => {
  registryContract(t, async (t) => {
    const { registry, leaseEnds } = await embedded(t);
    return { registry, other: registry, leaseEnds };
  });
  t.end();
});

t.test('remote', (t) => {
  registryContract(t, async (t) => {
    const { registry: behind, leaseEnds } = await embedded(t);
    const endpoint = new RegistrationEndpoint({
      registry: behind,
      logger,
      grantOf: (header) => (header === 'Bearer secret' ? { access: 'admin' } : undefined),
    });
    const server = createServer().on('upgrade', (request, socket, head) => endpoint.upgrade(request, socket, head));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = new Set<{ destroy(): void }>();
    server.on('connection', (socket) => sockets.add(socket));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const registry = await openRegistry({ url, token: 'secret', logger });
    const other = await openRegistry({ url, token: 'secret', logger });
    t.teardown(async () => {
      await Promise.all([registry.close(), other.close()]);
      await endpoint.close();
      server.close();
    });
    const disconnect = async () => {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    };
    return { registry, other, behind, leaseEnds, disconnect };
  });
  t.end();
});

t.test('redis', async (t) => {
  const { url } = await startRedis(t);
  const admin = new Redis(url);
  t.teardown(() => admin.disconnect());
  let data = 0;
  registryContract(t, async (t): Promise<RegistryUnderTest> => {
    const prefix = `test-${data++}`;
    const registry = await openRegistry({ url, prefix, logger });
    const other = await openRegistry({ url, prefix, logger });
    t.teardown(() => Promise.all([registry.close(), other.close()]));
    const leaseEnds = async (id: string) => {
      await eventually(
        () => registry.server(id),
        (server) => (server?.leaseRemaining ?? -1) < 0,
        { what: `the lease of ${id} to end` },
      );
    };
    const disconnect = async () => {
      for (const type of ['normal', 'pubsub']) await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    };
    return { registry, other, leaseEnds, disconnect };
  });
});

/** Opens an embedded registry on a clock that can be moved forward. */
async function embedded(t: Test): Promise<{ registry: Registry; leaseEnds: RegistryUnderTest['leaseEnds'] }> {
  let ahead = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const registry = await openRegistry({ url: `embedded:${ownFolder(t)}`, logger, clock });
  t.teardown(() => registry.close());
  const leaseEnds = async (id: string) => {
    ahead += (await registry.server(id))?.ttl ?? 0;
  };
  return { registry, leaseEnds };
}
