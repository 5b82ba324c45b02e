import { eventually } from '../tools/eventually.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const own = 'own';

/** A balancer that is a server itself is joined by a gateway server, which takes over for a while. */
const changes = [2, 0].map(
  (workers): Scenario => ({
    name: `a balancer that is the only server is joined by another one, drained, taken out and put back (workers: ${workers})`,
    stage: { registry: 'redis', mode: 'embedded', workers },
    async run(stage) {
      const begun = performance.now();
      await stage.startGateway('d');
      await servedBy(stage, [own, 'd']);
      await stage.balancer.api('PATCH', `/v1/servers/${own}`, { draining: true });
      await servedBy(stage, ['d']);
      await stage.deploy();
      await stage.balancer.api('PATCH', `/v1/servers/${own}`, { draining: false });
      await servedBy(stage, [own, 'd']);
      const convergeMs = since(begun);
      for (let round = 0; round < stage.times(3); round++) {
        await setting(stage, false);
        await servedBy(stage, ['d']);
        await setting(stage, { id: own });
        await servedBy(stage, [own, 'd']);
      }
      stage.gateway('d').signal('SIGTERM');
      await stage.gateway('d').ended();
      await servedBy(stage, [own]);
      return { convergeMs };
    },
  }),
);

/** A worker that starts without the registry has what is deployed from the main process, and the consumers from its disk. */
const alone: Scenario = {
  name: 'workers of a balancer that is the only server are killed (-9) while Redis is away',
  stage: { registry: 'redis', persistent: true, mode: 'embedded', workers: 2 },
  bar: { convergeMs: 5000 },
  async run(stage) {
    const started = () => stage.balancer.process.log.filter(({ msg }) => msg === 'worker ready').map((line) => Number(line['pid']));
    await stage.deployAnother([]);
    await stage.redis.stop();
    for (const victim of started().slice(-2)) {
      const before = started().length;
      await stage.load.losing('any', async () => {
        process.kill(victim, 'SIGKILL');
        await stage.balancer.process.logged(() => started().length > before);
      });
    }
    stage.load.recount();
    await stage.load.more(300);
    if ([...stage.load.counts.revisions.keys()].join() !== '2') throw new Error('a worker serves another revision than the one deployed');
    await stage.redis.start();
    return stage.recovers([]);
  },
};

export const embeddedScenarios = [...changes, alone];

/** Resolves when the load is answered by exactly these servers. */
async function servedBy({ load }: Stage, ids: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      load.recount();
      await load.more(60);
      return [...load.counts.by.keys()].sort().join();
    },
    (seen) => seen === [...ids].sort().join(),
    { what: `answers of ${ids.join(' and ')}` },
  );
}

async function setting(stage: Stage, embedded: false | { readonly id: string }): Promise<void> {
  const { name: _, status: __, ...spec } = (await stage.balancer.api('GET', '/v1/environments/production')) as Record<string, unknown>;
  await stage.balancer.api('PUT', '/v1/environments/production', { ...spec, embedded });
}
