import { Redis } from 'ioredis';
import { recovered, redisOf } from './registries.ts';
import type { Relay } from './relay.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const bar = { convergeMs: 5000 };
const relayed = { registry: 'redis', relayed: true } as const;

/** What happens between Sluice and a Redis that keeps its data. Each ends with a deploy that reaches every server. */
export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'Redis is frozen (SIGSTOP)',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const redis = redisOf(stage);
      redis.signal('SIGSTOP');
      await stage.startGateway('d');
      await stage.hold(8000);
      redis.signal('SIGCONT');
      return recovered(stage, ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'Redis cannot be reached',
    stage: relayed,
    bar,
    async run(stage) {
      relayOf(stage).cut();
      await stage.startGateway('d');
      // Longer than every lease.
      await stage.hold(12_000);
      relayOf(stage).mend();
      return recovered(stage, ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'every connection to Redis is half open',
    stage: relayed,
    bar: { convergeMs: 10_000 },
    async run(stage) {
      relayOf(stage).freeze();
      return recovered(stage, ['a', 'b', 'c']);
    },
  },
  {
    name: 'subscriptions are lost without a word',
    stage: relayed,
    bar: { convergeMs: 5000 },
    async run(stage) {
      relayOf(stage).deafen();
      const begun = performance.now();
      await stage.deployAnother(['a', 'b', 'c']);
      const detectMs = since(begun);
      // By then all have subscribed anew, and hear again.
      await Promise.all(
        ['a', 'b', 'c'].map((id) =>
          stage.gateway(id).logged((line) => /registry in Redis is reached/.test(line.msg ?? '') && line['resync'] === true),
        ),
      );
      return { detectMs, ...(await recovered(stage, ['a', 'b', 'c'])) };
    },
  },
  {
    name: 'Redis throws its subscribers out, again and again',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const admin = new Redis(redisOf(stage).url);
      try {
        // Whoever is told anything has too much waiting for it.
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 1 1 1');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await stage.startGateway('d');
        await stage.deployAnother(['a', 'b', 'c', 'd']);
        await stage.hold(5000);
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 33554432 8388608 60');
      } finally {
        admin.disconnect();
      }
      return recovered(stage, ['a', 'b', 'c', 'd']);
    },
  },
  {
    name: 'Sentinels put a replica in the place of a Redis that was killed',
    stage: { registry: 'sentinel' },
    bar: { convergeMs: 10_000 },
    async run(stage) {
      const master = redisOf(stage);
      await stage.replicated();
      await master.stop();
      await stage.startGateway('d');
      const found = await recovered(stage, ['a', 'b', 'c', 'd']);
      // As the master that it was; the Sentinels make it a replica.
      await master.start();
      await stage.hold(5000);
      await stage.deployAnother(['a', 'b', 'c', 'd']);
      return found;
    },
  },
];

function relayOf({ relay }: Stage): Relay {
  if (relay === undefined) throw new Error('this scenario needs a relay');
  return relay;
}
