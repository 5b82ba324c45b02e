import { type Scenario, since } from './scenario.ts';
import type { Stage } from './stage.ts';

const count = 2;
const stage = { registry: 'redis', workers: count } as const;

/** What happens to the balancer's worker processes. */
export const workerScenarios: readonly Scenario[] = [
  {
    name: 'a balancer worker is killed (-9)',
    stage,
    mayFail: 'any in flight',
    bar: { convergeMs: 5000 },
    async run(stage) {
      const [victim] = await ready(stage, count);
      const begun = performance.now();
      process.kill(victim as number, 'SIGKILL');
      await stage.balancer.process.logged((line) => /is replaced/.test(line.msg ?? '') && line['pid'] === victim);
      const detectMs = since(begun);
      await ready(stage, count + 1);
      const convergeMs = since(begun);
      await stage.load.more(300);
      return { detectMs, convergeMs };
    },
  },
  {
    name: 'the balancer workers are restarted, one by one',
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
];

/** Process ids of the workers that have come up so far, once there are so many. */
async function ready({ balancer }: Stage, many: number): Promise<number[]> {
  const pids = () => balancer.process.log.filter((line) => line.msg === 'worker ready').map((line) => Number(line['pid']));
  await balancer.process.logged(() => pids().length >= many);
  return pids();
}
