import { eventually } from '../tools/eventually.ts';
import { freePort } from '../tools/free-port.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const redis = { registry: 'redis' } as const;

/** Events and faults of gateway servers. */
export const serverScenarios: readonly Scenario[] = [
  {
    name: 'a server is added',
    stage: redis,
    apart: true,
    bar: { convergeMs: 1000 },
    async run(stage) {
      const gateway = await stage.startGateway('d');
      await gateway.logged((line) => line.msg === 'snapshot applied');
      const ready = performance.now();
      await stage.load.until(({ by }) => by.has('d'));
      const convergeMs = since(ready);
      await shares(stage, { a: 1, b: 1, c: 1, d: 1 });
      return { convergeMs };
    },
  },
  {
    name: 'a server is drained',
    stage: redis,
    apart: true,
    bar: { detectMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PATCH', '/v1/servers/a', { draining: true });
      await shares(stage, { b: 1, c: 1 });
      const detectMs = since(begun);
      await stage.balancer.api('PATCH', '/v1/servers/a', { draining: false });
      const resumed = performance.now();
      await shares(stage, { a: 1, b: 1, c: 1 });
      return { detectMs, convergeMs: since(resumed) };
    },
  },
  {
    name: 'a server gets SIGTERM',
    stage: redis,
    apart: true,
    bar: { detectMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      stage.gateway('a').signal('SIGTERM');
      await stage.outOfRotation('a');
      const detectMs = since(begun);
      const status = await stage.gateway('a').ended();
      if (status !== 0) throw new Error(`a ended with status ${status} after SIGTERM`);
      const convergeMs = since(begun);
      await shares(stage, { b: 1, c: 1 });
      return { detectMs, convergeMs };
    },
  },
  {
    name: 'a server is killed (-9)',
    stage: redis,
    apart: true,
    bar: { detectMs: 1000, convergeMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.kill('a');
      await stage.outOfRotation('a');
      const detectMs = since(begun);
      await shares(stage, { b: 1, c: 1 });
      return { detectMs, convergeMs: await backInService(stage, 'a') };
    },
  },
  {
    name: 'a server hangs (SIGSTOP)',
    stage: redis,
    apart: true,
    // fall × interval + timeout
    bar: { detectMs: 3 * 2000 + 1000 },
    async run(stage) {
      const begun = performance.now();
      stage.gateway('a').signal('SIGSTOP');
      await stage.outOfRotation('a');
      const detectMs = since(begun);
      await shares(stage, { b: 1, c: 1 });
      stage.gateway('a').signal('SIGCONT');
      const resumed = performance.now();
      await shares(stage, { a: 1, b: 1, c: 1 });
      return { detectMs, convergeMs: since(resumed) };
    },
  },
  {
    name: 'all servers are restarted one by one',
    stage: redis,
    apart: true,
    async run(stage) {
      const begun = performance.now();
      for (const id of ['a', 'b', 'c']) {
        stage.gateway(id).signal('SIGTERM');
        await stage.gateway(id).ended();
        await stage.startGateway(id);
        await stage.complete(['a', 'b', 'c']);
      }
      await shares(stage, { a: 1, b: 1, c: 1 });
      return { convergeMs: since(begun) };
    },
  },
  {
    name: 'a server moves to another environment and back',
    stage: { ...redis, staging: true },
    apart: true,
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PUT', '/v1/environments/staging/servers/b');
      await stage.stagingLoad.until(({ by }) => by.has('b'));
      await Promise.all([stage.complete(['a', 'c']), stage.complete(['b', 's'], 'staging')]);
      const convergeMs = since(begun);
      stage.load.recount();
      await stage.balancer.api('PUT', '/v1/environments/production/servers/b');
      await stage.load.until(({ by }) => by.has('b'));
      await Promise.all([stage.complete(['a', 'b', 'c']), stage.complete(['s'], 'staging')]);
      return { convergeMs };
    },
  },
  {
    name: 'weights change',
    stage: redis,
    apart: true,
    bar: { convergeMs: 1000 },
    async run(stage) {
      const begun = performance.now();
      await stage.balancer.api('PATCH', '/v1/servers/a', { weight: 3 });
      await shares(stage, { a: 3, b: 1, c: 1 });
      const convergeMs = since(begun);
      await stage.balancer.api('PATCH', '/v1/servers/a', { weight: 0 });
      await shares(stage, { b: 1, c: 1 });
      return { convergeMs };
    },
  },
  {
    name: 'a server flaps: killed and restarted 5 times',
    stage: redis,
    apart: true,
    bar: { convergeMs: 1000 },
    async run(stage) {
      let slowest = 0;
      for (let round = 0; round < stage.times(5); round++) {
        await stage.kill('c');
        slowest = Math.max(slowest, await backInService(stage, 'c'));
      }
      await shares(stage, { a: 1, b: 1, c: 1 });
      return { convergeMs: slowest };
    },
  },
  {
    name: 'a killed server whose address a server of another environment takes',
    stage: { ...redis, staging: true },
    apart: true,
    async run(stage) {
      const port = await freePort();
      for (let round = 0; round < stage.times(5); round++) {
        await stage.startGateway('x', { port });
        await stage.load.until(({ by }) => by.has('x'));
        await stage.kill('x');
        await stage.startGateway('t', { environment: 'staging', port });
        await stage.stagingLoad.until(({ by }) => by.has('t'));
        await stage.load.more(100);
        await stage.kill('t');
        stage.stagingLoad.recount();
        const strangers = ['s', 't'].filter((id) => stage.load.counts.by.has(id));
        if (strangers.length > 0) throw new Error(`production requests were answered by ${strangers.join(' and ')} of staging`);
        stage.load.recount();
      }
      await shares(stage, { a: 1, b: 1, c: 1 });
      return {};
    },
  },
  {
    name: 'the target of one project is down',
    stage: redis,
    async run(stage) {
      const { api, address } = stage.balancer;
      const url = `http://127.0.0.1:${await freePort()}`;
      await api('POST', '/v1/projects', { name: 'down', basePath: '/down', targets: { default: { url } } });
      await api('PUT', '/v1/environments/production/deployments/down', {});
      await stage.complete(stage.servers);
      for (let request = 0; request < stage.times(300); request++) {
        const { status } = await fetch(`http://${address}/down/`, { method: 'POST' });
        if (status !== 502) throw new Error(`the project whose target is down answered ${status}`);
      }
      await shares(stage, Object.fromEntries((stage.servers.length === 0 ? ['own'] : stage.servers).map((id) => [id, 1])));
      if (stage.balancer.process.log.some(({ msg }) => /ejected/.test(msg ?? ''))) throw new Error('a server was ejected');
      return {};
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
        await stage.deployAnother(stage.servers);
        slowest = Math.max(slowest, since(begun));
      }
      return { convergeMs: slowest };
    },
  },
];

/** Starts a killed server again. Resolves with the milliseconds from its join until it answers requests. */
async function backInService(stage: Stage, id: string): Promise<number> {
  const gateway = await stage.startGateway(id);
  await gateway.logged((line) => line.msg === 'joined');
  const ready = performance.now();
  stage.load.recount();
  await stage.load.until(({ by }) => by.has(id));
  return since(ready);
}

/** Resolves when 60 answers in a row are distributed in these proportions, each within a tenth of all answers. */
async function shares(stage: Stage, wanted: Readonly<Record<string, number>>): Promise<void> {
  const total = Object.values(wanted).reduce((sum, share) => sum + share, 0);
  const fits = (by: ReadonlyMap<string, number>) => {
    const answers = [...by.values()].reduce((sum, count) => sum + count, 0);
    return (
      [...by.keys()].every((id) => id in wanted) &&
      Object.entries(wanted).every(([id, share]) => Math.abs((by.get(id) ?? 0) - (answers * share) / total) <= answers / 10)
    );
  };
  await eventually(
    async () => {
      stage.load.recount();
      await stage.load.more(60);
      return stage.load.counts.by;
    },
    fits,
    { what: `answers distributed as ${JSON.stringify(wanted)}` },
  );
}
