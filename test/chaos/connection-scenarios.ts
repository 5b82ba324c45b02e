import { Redis } from 'ioredis';
import { type Scenario, since } from './scenario.ts';

const bar = { convergeMs: 5000 };
const relayed = { registry: 'redis', relayed: 'all' } as const;

/** Faults between Sluice and a Redis that keeps its data. Each scenario ends with a deploy that reaches every server. */
export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'Redis is frozen (SIGSTOP)',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      stage.redis.signal('SIGSTOP');
      await stage.startGateway('d');
      await stage.hold(8000);
      stage.redis.signal('SIGCONT');
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'Redis is unreachable: packets are dropped',
    stage: relayed,
    bar,
    async run(stage) {
      stage.relay.cut();
      await stage.startGateway('d');
      // Every lease expires.
      await stage.hold(12_000);
      stage.relay.mend();
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'every connection to Redis is half open',
    stage: relayed,
    bar: { convergeMs: 10_000 },
    async run(stage) {
      stage.relay.freeze();
      return stage.recovers(stage.servers);
    },
  },
  {
    name: 'subscriptions are lost without notice',
    stage: relayed,
    apart: true,
    bar: { convergeMs: 5000 },
    async run(stage) {
      stage.relay.deafen();
      const begun = performance.now();
      await stage.deployAnother(['a', 'b', 'c']);
      const detectMs = since(begun);
      // Resolves when all gateways have subscribed again.
      await Promise.all(
        ['a', 'b', 'c'].map((id) =>
          stage.gateway(id).logged((line) => /connected to the registry in Redis/.test(line.msg ?? '') && line['resync'] === true),
        ),
      );
      return { detectMs, ...(await stage.recovers(['a', 'b', 'c'])) };
    },
  },
  {
    name: 'Redis disconnects its subscribers, again and again',
    stage: { registry: 'redis' },
    bar,
    async run(stage) {
      const admin = new Redis(stage.redis.url);
      try {
        // Any published message exceeds the output buffer limit of 1 byte, and Redis closes the connection.
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 1 1 1');
        await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await stage.startGateway('d');
        await stage.deployAnother([...stage.servers, 'd']);
        await stage.hold(5000);
        await admin.config('SET', 'client-output-buffer-limit', 'pubsub 33554432 8388608 60');
      } finally {
        admin.disconnect();
      }
      return stage.recovers([...stage.servers, 'd']);
    },
  },
  {
    name: 'Redis is killed, and the Sentinels promote its replica',
    stage: { registry: 'sentinel' },
    bar: { convergeMs: 10_000 },
    async run(stage) {
      const master = stage.redis;
      await stage.replicated();
      await master.stop();
      await stage.startGateway('d');
      const times = await stage.recovers([...stage.servers, 'd']);
      // Restarted as a master, it is made a replica by the Sentinels.
      await master.start();
      await stage.hold(5000);
      await stage.deployAnother([...stage.servers, 'd']);
      return times;
    },
  },
];
