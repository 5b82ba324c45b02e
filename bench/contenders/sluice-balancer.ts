import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { sluiceVersion, startBalancer } from './sluice.ts';

/** Sluice's balancer before static servers, with all default features on. */
export const sluiceBalancer: Contender = {
  name: 'sluice-balancer',
  logs: true,
  available: sluiceVersion,
  async start(place) {
    const { process, port } = await startBalancer(place);
    await process.until(() => answers(port));
    return { port, processes: [process], stop: () => process.stop() };
  },
};
