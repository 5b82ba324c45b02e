import { Redis } from 'ioredis';
import { keyNames } from '../../src/registry/redis/redis-scripts.ts';
import { eventually } from '../tools/eventually.ts';
import { joinToken } from '../tools/sluice-under-test.ts';
import type { Scenario } from './scenario.ts';

/** Length of an outage in milliseconds: long enough for all processes to notice it. */
const awayMs = 8000;

/** Length of a time without renewals in milliseconds: in brief, too, every lease ends in it. */
const unrenewedMs = 65_000;

const bar = { convergeMs: 5000 };

/** Faults of the registry and its data. Each scenario ends with a deploy that reaches every server, including one started during the outage. */
export const registryScenarios: readonly Scenario[] = [
  {
    name: 'Redis is killed and comes back',
    stage: { registry: 'redis', persistent: true },
    bar,
    async run(stage) {
      const redis = stage.redis;
      await redis.stop();
      await stage.startGateway('d');
      await stage.hold(awayMs);
      await redis.start();
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'Redis comes back empty',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = stage.redis;
      const before = await stage.deployments();
      await redis.stop();
      await stage.startGateway('d');
      await stage.hold(awayMs);
      await redis.start();
      // The balancer and the gateways restore environment and deployments.
      await stage.complete([...stage.servers, 'd']);
      const after = await stage.deployments();
      if (before === '' || after !== before)
        throw new Error(`deployed before: ${before || 'nothing'}; deployed now: ${after || 'nothing'}`);
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'Redis comes back with older data',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = stage.redis;
      const client = new Redis(redis.url);
      await client.save();
      client.disconnect();
      await stage.deployAnother(stage.servers);
      await stage.startGateway('d');
      await stage.complete([...stage.servers, 'd']);
      await redis.stop();
      await stage.hold(awayMs);
      await redis.start();
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'Redis is away while a server is killed and another leaves',
    stage: { registry: 'redis', persistent: true },
    apart: true,
    bar,
    async run(stage) {
      const redis = stage.redis;
      await stage.startGateway('d');
      await stage.complete(['a', 'b', 'c', 'd']);
      await redis.stop();
      await stage.kill('a');
      stage.gateway('b').signal('SIGTERM');
      await stage.gateway('b').ended();
      await redis.start();
      await Promise.all([stage.startGateway('a'), stage.startGateway('b')]);
      return stage.recovers(['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'Redis refuses writes until every lease has ended',
    stage: { registry: 'redis' },
    waits: true,
    bar,
    async run(stage) {
      await administer(stage.redis.url, async (admin) => {
        await admin.config('SET', 'maxmemory', '1');
        await stage.hold(unrenewedMs);
        await admin.config('SET', 'maxmemory', '0');
      });
      return stage.recovers(stage.servers);
    },
  },
  {
    name: 'Redis evicts keys of Sluice',
    stage: { registry: 'redis' },
    waits: true,
    bar,
    async run(stage) {
      await administer(stage.redis.url, async (admin) => {
        // The contents of projects and revisions are nowhere else: they cannot be restored.
        for (const name of keyNames.filter((name) => name !== 'project' && name !== 'revision')) {
          // Nothing follows from the loss of a key that this stage has not.
          if ((await admin.del(`{sluice}:${name}`)) === 0) continue;
          await stage.hold(awayMs);
          await eventually(
            () => stage.deployments(),
            (deployed) => deployed === 'echo@1',
            { what: `the deployment to be there again after the loss of ${name}` },
          );
        }
      });
      return stage.recovers(stage.servers);
    },
  },
  {
    name: 'the password of Redis is changed under everyone, and changed back',
    stage: { registry: 'redis' },
    waits: true,
    bar,
    async run(stage) {
      await administer(stage.redis.url, async (admin) => {
        await admin.acl('SETUSER', 'default', 'resetpass', '>another-password');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await stage.hold(unrenewedMs);
        await admin.acl('SETUSER', 'default', 'nopass');
      });
      return stage.recovers(stage.servers);
    },
  },
  {
    name: 'the join token is changed without the gateways knowing, and changed back',
    stage: { registry: 'embedded', patient: true },
    apart: true,
    waits: true,
    bar,
    async run(stage) {
      const restart = async (token: string) => {
        stage.balancer.process.signal('SIGTERM');
        await stage.balancer.process.ended();
        stage.balancer = await stage.balancer.again({ SLUICE_JOIN_TOKEN: token });
      };
      await restart('another-join-token');
      await stage.hold(unrenewedMs);
      await restart(joinToken);
      return stage.recovers(['a', 'b', 'c']);
    },
  },
  {
    name: 'the embedded balancer is restarted',
    stage: { registry: 'embedded', patient: true },
    bar,
    async run(stage) {
      stage.balancer.process.signal('SIGTERM');
      await stage.balancer.process.ended();
      stage.balancer = await stage.balancer.again();
      return stage.recovers(stage.servers);
    },
  },
];

async function administer(url: string, work: (admin: Redis) => Promise<void>): Promise<void> {
  const admin = new Redis(url);
  try {
    await work(admin);
  } finally {
    admin.disconnect();
  }
}
