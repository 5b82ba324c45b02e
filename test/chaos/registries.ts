import { Redis } from 'ioredis';
import type { RedisServer } from '../tools/redis.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

/** How long a registry stays away, in milliseconds: long enough for everybody to notice. */
const awayMs = 8000;

const bar = { convergeMs: 5000 };

/** What happens to the registry and its data. Each ends with a deploy that reaches every server, one that was started meanwhile too. */
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
      return recovered(stage, ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'Redis comes back empty',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      const before = await stage.deployments();
      await redis.stop();
      await stage.startGateway('d');
      await stage.hold(awayMs);
      await redis.start();
      // Environment and deployments are given back by those who know them.
      await stage.whole(['a', 'b', 'c', 'd']);
      const after = await stage.deployments();
      if (before === '' || after !== before) throw new Error(`deployed was ${before}, and now is ${after || 'nothing'}`);
      return recovered(stage, ['a', 'b', 'c', 'd']);
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
      return recovered(stage, ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'Redis is away while a server is killed and another leaves',
    stage: { registry: 'redis', persistent: true },
    mayFail: { inFlight: 'posts' },
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
      return recovered(stage, ['a', 'b', 'c', 'd']);
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

/** The stage's Redis, with Sentinels the first master. */
export function redisOf({ redis }: Stage): RedisServer {
  if (redis === undefined) throw new Error('this scenario needs Redis');
  return redis;
}

/** The registry is back: how long until a deploy reaches everybody. */
export async function recovered(stage: Stage, ids: readonly string[]): Promise<{ convergeMs: number }> {
  const begun = performance.now();
  await stage.deployAnother(ids);
  return { convergeMs: since(begun) };
}
