import type { Contender } from '../contender.ts';
import { answers } from '../nginx-upstreams.ts';
import { deployProject, sluiceVersion, startBalancer } from './sluice.ts';

/** Sluice's balancer that is its own gateway server, in one process: no second hop. */
export const sluiceEmbedded: Contender = {
  name: 'sluice-embedded',
  logs: true,
  secures: false,
  available: () => sluiceVersion(),
  async start(place) {
    const balancer = await startBalancer({ ...place, upstreams: [], embedded: true });
    await deployProject(balancer, place.upstreams);
    await balancer.process.until(() => answers(balancer.port));
    return { port: balancer.port, processes: [balancer.process], stop: () => balancer.process.stop() };
  },
};
