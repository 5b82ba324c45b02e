import type { ServerAnswer } from '../../src/api/answers.ts';
import { IdleClients } from '../tools/idle-clients.ts';
import { Scope } from '../tools/owner.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

const descriptors = 256;
const clientsBeyond = 300;
const request = 'GET /echo/p HTTP/1.1\r\nHost: x\r\n\r\n';
const redis = { registry: 'redis' } as const;

/** Descriptors are used up by idle clients. Traffic goes on, no server is judged by it, and the admin API answers. */
export const descriptorScenarios: readonly Scenario[] = [
  {
    name: 'descriptors used up: 300 idle clients at a balancer that may open 256',
    stage: { ...redis, balancerDescriptors: descriptors },
    run: (stage) => crowd(stage, stage.balancer.address, clientsBeyond),
  },
  {
    name: 'descriptors used up: 600 idle clients at two workers that may open 256 each',
    stage: { ...redis, workers: 2, balancerDescriptors: descriptors },
    run: (stage) => crowd(stage, stage.balancer.address, 2 * clientsBeyond),
  },
  {
    name: 'descriptors used up: 300 idle clients at a gateway server that may open 256',
    stage: { ...redis, gatewayDescriptors: descriptors },
    apart: true,
    async run(stage) {
      const { address } = (await stage.balancer.api('GET', '/v1/servers/a')) as ServerAnswer;
      return crowd(stage, String(address), clientsBeyond);
    },
  },
];

/** Clients that never send a request, then clients that send one; all of them stay. */
async function crowd(stage: Stage, address: string, count: number): Promise<Record<string, never>> {
  const scope = new Scope();
  try {
    const clients = new IdleClients(scope);
    for (let round = 0; round < stage.times(3); round++) {
      await clients.add(count, address);
      await stage.load.more(300);
      for (let group = 0; group < count; group += 10) await clients.add(10, address, request);
      await stage.load.more(300);
      await stage.complete(stage.servers);
      await stage.hold(3000);
    }
    const wrong = clients.answers.filter((line) => line !== 'HTTP/1.1 200 OK');
    if (wrong.length > 0) throw new Error(`${wrong.length} of the clients that asked were not served: ${wrong[0]}`);
    stage.load.recount();
    await stage.load.until(({ by }) => stage.servers.every((id) => by.has(id)));
    return {};
  } finally {
    await scope.end();
  }
}
