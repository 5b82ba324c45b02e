import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const redis = { registry: 'redis' } as const;

/** What happens to gateway servers. */
export const serverScenarios: readonly Scenario[] = [
  {
    name: 'a server is added',
    stage: redis,
    bar: { convergeMs: 1000 },
    async run(stage) {
      const gateway = await stage.startGateway('d');
      await gateway.logged((line) => line.msg === 'snapshot applied');
      const ready = performance.now();
      await stage.load.until(({ by }) => by.has('d'));
      const convergeMs = since(ready);
      await shared(stage, { a: 1, b: 1, c: 1, d: 1 });
      return { convergeMs };
    },
  },
  {
    name: 'a server is drained',
    stage: redis,
    bar: { detectMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PATCH', '/v1/servers/a', { draining: true });
      await shared(stage, { b: 1, c: 1 });
      const detectMs = since(begun);
      await stage.balancer.api('PATCH', '/v1/servers/a', { draining: false });
      const resumed = performance.now();
      await shared(stage, { a: 1, b: 1, c: 1 });
      return { detectMs, convergeMs: since(resumed) };
    },
  },
  {
    name: 'a server gets SIGTERM',
    stage: redis,
    bar: { detectMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      stage.gateway('a').signal('SIGTERM');
      await stage.out('a').catch(() => {});
      const detectMs = since(begun);
      const status = await stage.gateway('a').ended();
      if (status !== 0) throw new Error(`it ended with ${status}`);
      const convergeMs = since(begun);
      await shared(stage, { b: 1, c: 1 });
      return { detectMs, convergeMs };
    },
  },
  {
    name: 'a server is killed (-9)',
    stage: redis,
    mayFail: { inFlight: 'posts' },
    bar: { detectMs: 1000, convergeMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.gateway('a').kill();
      await stage.out('a');
      const detectMs = since(begun);
      await shared(stage, { b: 1, c: 1 });
      return { detectMs, convergeMs: await backInService(stage, 'a') };
    },
  },
  {
    name: 'a server hangs (SIGSTOP)',
    stage: redis,
    mayFail: { inFlight: 'posts' },
    // fall × interval + timeout
    bar: { detectMs: 3 * 2000 + 1000 },
    async run(stage) {
      const begun = performance.now();
      stage.gateway('a').signal('SIGSTOP');
      await stage.out('a');
      const detectMs = since(begun);
      await shared(stage, { b: 1, c: 1 });
      stage.gateway('a').signal('SIGCONT');
      const resumed = performance.now();
      await shared(stage, { a: 1, b: 1, c: 1 });
      return { detectMs, convergeMs: since(resumed) };
    },
  },
  {
    name: 'all servers are restarted, one by one',
    stage: redis,
    async run(stage) {
      const begun = performance.now();
      for (const id of ['a', 'b', 'c']) {
        stage.gateway(id).signal('SIGTERM');
        await stage.gateway(id).ended();
        await stage.startGateway(id);
        await stage.whole(['a', 'b', 'c']);
      }
      await shared(stage, { a: 1, b: 1, c: 1 });
      return { convergeMs: since(begun) };
    },
  },
  {
    name: 'a server moves to another environment and back',
    stage: { ...redis, staging: true },
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PUT', '/v1/environments/staging/servers/b');
      await stage.otherLoad.until(({ by }) => by.has('b'));
      await Promise.all([stage.whole(['a', 'c']), stage.whole(['b', 's'], 'staging')]);
      const convergeMs = since(begun);
      stage.load.recount();
      await stage.balancer.api('PUT', '/v1/environments/production/servers/b');
      await stage.load.until(({ by }) => by.has('b'));
      await Promise.all([stage.whole(['a', 'b', 'c']), stage.whole(['s'], 'staging')]);
      return { convergeMs };
    },
  },
  {
    name: 'weights change',
    stage: redis,
    bar: { convergeMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PATCH', '/v1/servers/a', { weight: 3 });
      await shared(stage, { a: 3, b: 1, c: 1 });
      const convergeMs = since(begun);
      await stage.balancer.api('PATCH', '/v1/servers/a', { weight: 0 });
      await shared(stage, { b: 1, c: 1 });
      return { convergeMs };
    },
  },
  {
    name: 'a server flaps: killed and restarted 5 times',
    stage: redis,
    mayFail: { inFlight: 'posts', times: 5 },
    bar: { convergeMs: 1000 },
    async run(stage) {
      let slowest = 0;
      for (let round = 0; round < stage.times(5); round++) {
        await stage.gateway('c').kill();
        slowest = Math.max(slowest, await backInService(stage, 'c'));
      }
      await shared(stage, { a: 1, b: 1, c: 1 });
      return { convergeMs: slowest };
    },
  },
  {
    name: '20 deploys in a row',
    stage: redis,
    bar: { convergeMs: 1000 },
    async run(stage) {
      let slowest = 0;
      for (let round = 0; round < stage.times(20); round++) {
        const begun = performance.now();
        await stage.deployAnother(['a', 'b', 'c']);
        slowest = Math.max(slowest, since(begun));
      }
      return { convergeMs: slowest };
    },
  },
];

/** Starts a server that was killed; milliseconds from its own readiness until it answers. */
async function backInService(stage: Stage, id: string): Promise<number> {
  const gateway = await stage.startGateway(id);
  await gateway.logged((line) => line.msg === 'joined');
  const ready = performance.now();
  stage.load.recount();
  await stage.load.until(({ by }) => by.has(id));
  return since(ready);
}

/** Settles when some 60 answers in a row were shared out like that, give or take a few. */
async function shared(stage: Stage, shares: Readonly<Record<string, number>>): Promise<void> {
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const fits = (by: ReadonlyMap<string, number>) => {
    const answers = [...by.values()].reduce((sum, count) => sum + count, 0);
    return (
      [...by.keys()].every((id) => id in shares) &&
      Object.entries(shares).every(([id, share]) => Math.abs((by.get(id) ?? 0) - (answers * share) / total) <= answers / 10)
    );
  };
  do {
    stage.load.recount();
    await stage.load.more(60);
  } while (!fits(stage.load.tally.by));
}
