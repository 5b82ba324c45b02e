import { reload } from '../tools/reload.ts';
import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const count = 2;
const stage = { registry: 'redis', workers: count } as const;

/** Events and faults of the balancer's worker processes, and reloads of its configuration. */
export const workerScenarios: readonly Scenario[] = [
  {
    name: 'a balancer worker is killed (-9)',
    stage,
    bar: { convergeMs: 5000 },
    async run(stage) {
      const [victim] = await ready(stage, count);
      const begun = performance.now();
      await stage.load.losing('any', async () => {
        process.kill(victim as number, 'SIGKILL');
        await stage.balancer.process.logged((line) => /is replaced/.test(line.msg ?? '') && line['pid'] === victim);
      });
      const detectMs = since(begun);
      await ready(stage, count + 1);
      const convergeMs = since(begun);
      await stage.load.more(300);
      return { detectMs, convergeMs };
    },
  },
  {
    name: 'a balancer worker gets SIGTERM',
    stage,
    async run(stage) {
      const [victim] = await ready(stage, count);
      const begun = performance.now();
      process.kill(victim as number, 'SIGTERM');
      await ready(stage, count + 1);
      await stage.balancer.process.logged((line) => line.msg === 'worker ended');
      const convergeMs = since(begun);
      await stage.load.more(300);
      return { convergeMs };
    },
  },
  {
    name: 'the balancer workers are restarted one by one',
    stage,
    async run(stage) {
      await ready(stage, count);
      const begun = performance.now();
      stage.balancer.process.signal('SIGUSR2');
      await ready(stage, 2 * count);
      const convergeMs = since(begun);
      await stage.load.more(300);
      return { convergeMs };
    },
  },
  {
    name: 'the configuration is reloaded (SIGHUP): changed settings, a new environment, more and fewer workers',
    stage,
    async run(stage) {
      await ready(stage, count);
      const begun = performance.now();
      for (const workers of [count + 1, 1, count]) {
        await reload(
          stage.balancer,
          (config) => {
            config.workers = workers;
            config.environments[`reloaded-${workers}`] = { listen: `127.0.0.${workers + 1}:0` };
            Object.assign(config.environments['production'] ?? {}, { balance: workers === 1 ? 'least-connections' : 'random-two' });
          },
          /configuration reloaded/,
        );
        await stage.load.more(100);
      }
      const convergeMs = since(begun);
      await stage.load.more(300);
      return { convergeMs };
    },
  },
];

/** Resolves with the process ids of all workers started so far, once `least` have started. */
async function ready({ balancer }: Stage, least: number): Promise<number[]> {
  const pids = () => balancer.process.log.filter((line) => line.msg === 'worker ready').map((line) => Number(line['pid']));
  await balancer.process.logged(() => pids().length >= least);
  return pids();
}
