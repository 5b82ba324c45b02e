import { Redis } from 'ioredis';
import type { RedisServer } from '../tools/redis.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

/** How long a registry stays away, in milliseconds: long enough for everybody to notice. */
const awayMs = 8000;

const bar = { convergeMs: 5000 };

/** What happens to the registry. Each ends with a deploy that reaches every server, one that was started meanwhile too. */
export const registryScenarios: readonly Scenario[] = [
  {
    name: 'Redis is killed and comes back',
    stage: { registry: 'redis', persistent: true },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      await redis.stop();
      await stage.startGateway('d');
      await stage.hold(awayMs);
      await redis.start();
      return recovered(stage);
    },
  },
  {
    name: 'Redis comes back empty',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      await redis.stop();
      await stage.startGateway('d');
      await stage.hold(awayMs);
      await redis.start();
      return recovered(stage);
    },
  },
  {
    name: 'Redis comes back with older data',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      const client = new Redis(redis.url);
      await client.save();
      client.disconnect();
      await stage.deployAnother(['a', 'b', 'c']);
      await stage.startGateway('d');
      await stage.whole(['a', 'b', 'c', 'd']);
      await redis.stop();
      await stage.hold(awayMs);
      await redis.start();
      return recovered(stage);
    },
  },
  {
    name: 'Redis is frozen (SIGSTOP)',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      redis.signal('SIGSTOP');
      await stage.startGateway('d');
      await stage.hold(awayMs);
      redis.signal('SIGCONT');
      return recovered(stage);
    },
  },
  {
    name: 'Redis cannot be reached',
    stage: { registry: 'redis', relayed: true },
    bar,
    async run(stage) {
      stage.relay?.cut();
      await stage.startGateway('d');
      // Longer than every lease.
      await stage.hold(12_000);
      stage.relay?.mend();
      return recovered(stage);
    },
  },
  {
    name: 'Redis is away while a server is killed and another leaves',
    stage: { registry: 'redis', persistent: true },
    mayFail: 'posts in flight',
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      await stage.startGateway('d');
      await stage.whole(['a', 'b', 'c', 'd']);
      await redis.stop();
      await stage.gateway('a').kill();
      stage.gateway('b').signal('SIGTERM');
      await stage.gateway('b').ended();
      await redis.start();
      await Promise.all([stage.startGateway('a'), stage.startGateway('b')]);
      return recovered(stage);
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
      const begun = performance.now();
      await stage.deployAnother(['a', 'b', 'c']);
      return { convergeMs: since(begun) };
    },
  },
];

function redisOf({ redis }: Stage): RedisServer {
  if (redis === undefined) throw new Error('this scenario needs Redis');
  return redis;
}

/** The registry is back: how long until a deploy reaches everybody. */
async function recovered(stage: Stage): Promise<{ convergeMs: number }> {
  const begun = performance.now();
  await stage.deployAnother(['a', 'b', 'c', 'd']);
  return { convergeMs: since(begun) };
}
